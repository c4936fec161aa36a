"""What the vendors' APIs can bring back after a deletion. Nothing here, nor in its kin, can delete.

Trap: most vendors bring an image back with all the tags that it had, wherever those point by now; only Quay is told
which. Whoever calls this looks at the tags first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar


class VendorRestoration(ABC):
    """The verb of one vendor that brings back. What it answers is a promise: read back afterwards."""

    title: ClassVar[str]
    #: True where only the tags that are named come back, False where the image brings all that it had.
    chooses_tags: ClassVar[bool] = False

    @abstractmethod
    def restore_image(self, repository: str, digest: str, tags: Sequence[str]) -> None:
        """Bring back a manifest, with `tags` where the vendor lets us choose.

        Raises RegistryError: `missing` where the vendor has it no more, or never had it by that name.
        """

    def close(self) -> None:  # noqa: B027 - nothing to close is a good answer
        """Close idle connections."""
