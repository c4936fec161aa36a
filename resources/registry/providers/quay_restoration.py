"""Restoration at Quay: the time machine lets a tag name again what it named, within its span."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import quote

from registry_core.errors import RegistryError
from resources.configuration.provider_settings import QuaySettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import Query, SignIn
from resources.registry.providers.posting_client import PostingApiClient
from resources.registry.providers.quay import Quay, explain, repository_path
from resources.registry.providers.vendor_restoration import VendorRestoration


class QuayRestoration(VendorRestoration):
    """Needs an OAuth token with `repo:write`. The children of an index come back with it."""

    title: ClassVar[str] = Quay.title
    chooses_tags: ClassVar[bool] = True

    def __init__(self, label: str, settings: RegistrySettings, own: QuaySettings, sign_in: SignIn) -> None:
        self._client = PostingApiClient(f"{label}: Quay", own.api or settings.url, settings, sign_in, explain=explain)

    def restore_image(self, repository: str, digest: str, tags: Sequence[str]) -> None:
        wanted = f"restore {digest} of {repository}"
        if not tags:
            raise RegistryError(
                f"{self._client.label}: could not {wanted}: no tag named it, and the time machine knows tags only",
                fault="missing",
            )
        for tag in tags:
            path = f"{repository_path(repository)}/tag/{quote(tag, safe='')}/restore"
            query = Query(f"{wanted} as {tag}", method="POST", json={"manifest_digest": digest}, expects=(400,))
            answer = self._client.send(path, query)
            if answer.status == 400:
                raise RegistryError(
                    f"{self._client.label}: could not {wanted} as {tag}: Quay says {answer.said or 'no'!r}; it is"
                    " beyond the time machine's span",
                    fault="missing",
                    status=400,
                )

    def close(self) -> None:
        self._client.close()
