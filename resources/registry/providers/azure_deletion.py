"""Deletion at Azure Container Registry: manifests by digest, tags by `/acr/v1`. What is locked is refused."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import Query
from resources.registry.providers.azure import VERSION, Azure, explain, repository_path
from resources.registry.providers.azure_sign_in import AzureSignIn
from resources.registry.providers.vendor_deletion import Answered, DeletingApiClient, VendorDeletion


class AzureDeletion(VendorDeletion):
    """Needs the role `AcrDelete`; `sign_in` asks for tokens of the action `delete`."""

    title: ClassVar[str] = Azure.title

    def __init__(self, label: str, settings: RegistrySettings, sign_in: AzureSignIn) -> None:
        self._client = DeletingApiClient(f"{label}: Azure", settings.url, settings, sign_in, explain=explain)

    def delete_image(self, repository: str, digest: str) -> Answered:
        query = Query(f"delete {digest} of {repository}", method="DELETE", expects=(404,))
        answer = self._client.send(f"/v2/{quote(repository, safe='/')}/manifests/{digest}", query)
        return "not there" if answer.status == 404 else "accepted"

    def remove_tag(self, repository: str, tag: str) -> Answered:
        params = {"api-version": VERSION}
        query = Query(f"remove the tag {tag} of {repository}", method="DELETE", params=params, expects=(404,))
        answer = self._client.send(f"{repository_path(repository)}/_tags/{quote(tag, safe='')}", query)
        return "not there" if answer.status == 404 else "accepted"

    def close(self) -> None:
        self._client.close()
