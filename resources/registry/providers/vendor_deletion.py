"""What the vendors' APIs can delete. Only the deletion job may import this and its kin.

Traps: a deletion whose answer was lost is asked again, and is then `not there`; a verb that a vendor lacks raises
`forbidden` with the reason, and never does something that only resembles it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from resources.registry.providers.api_client import ApiClient
from resources.registry.providers.interface import not_offered

Answered = Literal["accepted", "not there"]


class DeletingApiClient(ApiClient):
    """An API client that may change things."""

    methods: ClassVar[frozenset[str]] = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})


class VendorDeletion(ABC):
    """The changing verbs of one vendor. All raise RegistryError; `accepted` is a promise, look afterwards."""

    title: ClassVar[str]
    #: True where `delete_image` only ends the tags: what is left of the image goes through the registry.
    only_tags: ClassVar[bool] = False

    @abstractmethod
    def delete_image(self, repository: str, digest: str) -> Answered:
        """Delete a manifest, and all tags that name it."""

    def remove_tag(self, repository: str, tag: str) -> Answered:
        """Remove one tag and leave its image."""
        raise not_offered(self.title, "remove a single tag", "an image goes with all its tags there")

    def close(self) -> None:  # noqa: B027 - nothing to close is a good answer
        """Close idle connections."""
