"""Deletion at Google Artifact Registry: versions with their tags, and tags alone."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from resources.configuration.provider_settings import GoogleSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import Query, SignIn
from resources.registry.providers.google import Google, explain, location_of, package_path
from resources.registry.providers.vendor_deletion import Answered, DeletingApiClient, VendorDeletion


class GoogleDeletion(VendorDeletion):
    """Needs the role `roles/artifactregistry.repoAdmin`."""

    title: ClassVar[str] = Google.title

    def __init__(self, label: str, settings: RegistrySettings, own: GoogleSettings, sign_in: SignIn) -> None:
        self._client = DeletingApiClient(f"{label}: Google", own.api, settings, sign_in, explain=explain)
        self._location = location_of(settings, own)

    def delete_image(self, repository: str, digest: str) -> Answered:
        path = f"/v1/{package_path(repository, self._location)}/versions/{digest}"
        return self._delete(path, f"delete {digest} of {repository}", {"force": "true"})

    def remove_tag(self, repository: str, tag: str) -> Answered:
        path = f"/v1/{package_path(repository, self._location)}/tags/{quote(tag, safe='')}"
        return self._delete(path, f"remove the tag {tag} of {repository}", None)

    def close(self) -> None:
        self._client.close()

    def _delete(self, path: str, wanted: str, params: dict[str, str] | None) -> Answered:
        answer = self._client.send(path, Query(wanted, method="DELETE", params=params, expects=(404,)))
        return "not there" if answer.status == 404 else "accepted"
