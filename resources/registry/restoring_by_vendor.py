"""Bring deleted images back through the registry's vendor, which also brings blobs that it would have collected.

Looks first, reads back afterwards. Never moves a tag: where the vendor would, it is not asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from registry_core.errors import ConfigError, RegistryError
from resources.registry.client import RegistryClient
from resources.registry.providers.vendor_restoration import VendorRestoration

#: A vendor whose registry learns late of what came back is asked again after these pauses.
_ASK_AGAIN_SECONDS = (0.2, 1.0, 3.0)


@dataclass(frozen=True, slots=True)
class Brought:
    """Whether the vendor brought an image back. `why_not` is empty where it did, and where there was no need."""

    by: str = ""  #: title of the vendor
    why_not: str = ""


NOT_BROUGHT = Brought()


class VendorWay:
    """Asks one vendor for one image after the other. What it cannot give is said, never raised: there is another way.

    A vendor that does not answer, throttles or refuses the sign-in is not asked again; one that forbids is not asked
    again for that repository.
    """

    def __init__(
        self, client: RegistryClient, vendor: VendorRestoration, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._client, self._vendor, self._pause = client, vendor, pause
        self._closed: dict[str, str] = {}  # why it is not asked any more, by repository; "" stands for all

    def bring_back(self, repository: str, digest: str, tags: Sequence[str]) -> Brought:
        """Raises RegistryError only where the registry itself does not answer."""
        points_to = {tag: self._client.find_manifest(repository, tag) for tag in tags}
        free = [tag for tag, found in points_to.items() if found is None]
        if not free and self._client.find_manifest(repository, digest) is not None:
            return NOT_BROUGHT  # it is there, with all the tags that it may have
        title = self._vendor.title
        if not self._vendor.chooses_tags and (
            moved := [tag for tag, found in points_to.items() if found not in (None, digest)]
        ):
            return Brought(
                why_not=f"{title} was not asked: it would move {', '.join(moved)}, which names another image now"
            )
        if why := self._closed.get("") or self._closed.get(repository):
            return Brought(why_not=why)
        try:
            self._vendor.restore_image(repository, digest, free)
        except ConfigError as error:
            self._closed[""] = str(error)
            return Brought(why_not=str(error))
        except RegistryError as error:
            return Brought(why_not=self._told_no(repository, error))
        return self._read_back(repository, digest)

    def _told_no(self, repository: str, error: RegistryError) -> str:
        if error.status == 401 or error.fault == "throttled" or (error.fault == "unreachable" and error.status is None):
            self._closed[""] = str(error)
        elif error.fault == "forbidden":
            self._closed[repository] = str(error)
        return str(error)

    def _read_back(self, repository: str, digest: str) -> Brought:
        """The manifest itself is read, so that its digest is proven."""
        failed: RegistryError | None = None
        for seconds in (0.0, *_ASK_AGAIN_SECONDS):
            if seconds:
                self._pause(seconds)
            try:
                self._client.manifest(repository, digest)
                return Brought(by=self._vendor.title)
            except RegistryError as error:
                if error.fault not in ("missing", "corrupt"):
                    raise
                failed = error
        return Brought(why_not=f"{self._vendor.title} said that it restored it, and {failed}")
