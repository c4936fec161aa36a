"""Deletion at Harbor: an artifact and a tag apart.

Trap: `DELETE …/artifacts/{tag}` removes the whole artifact; only `…/artifacts/{reference}/tags/{tag}` untags.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from registry_core.digests import is_digest
from resources.configuration.provider_settings import HarborSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import Query, SignIn
from resources.registry.providers.harbor import Harbor, explain, repository_path
from resources.registry.providers.vendor_deletion import Answered, DeletingApiClient, VendorDeletion


class HarborDeletion(VendorDeletion):
    """Needs delete on artifacts and tags."""

    title: ClassVar[str] = Harbor.title

    def __init__(self, label: str, settings: RegistrySettings, own: HarborSettings, sign_in: SignIn) -> None:
        self._client = DeletingApiClient(
            f"{label}: Harbor", own.api or settings.url, settings, sign_in, explain=explain
        )

    def delete_image(self, repository: str, digest: str) -> Answered:
        if not is_digest(digest):
            raise ValueError(f"{digest!r} is no digest: by a tag Harbor would delete whatever it names now")
        return self._delete(f"{repository_path(repository)}/artifacts/{digest}", f"delete {digest} of {repository}")

    def remove_tag(self, repository: str, tag: str) -> Answered:
        name = quote(tag, safe="")
        path = f"{repository_path(repository)}/artifacts/{name}/tags/{name}"
        return self._delete(path, f"remove the tag {tag} of {repository}")

    def close(self) -> None:
        self._client.close()

    def _delete(self, path: str, wanted: str) -> Answered:
        answer = self._client.send(path, Query(wanted, method="DELETE", expects=(404,)))
        return "not there" if answer.status == 404 else "accepted"
