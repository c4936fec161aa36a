"""Deletion at Quay: tags end, and the image goes by itself when none names it."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from resources.configuration.provider_settings import QuaySettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import Query, SignIn
from resources.registry.providers.quay import Quay, explain, repository_path
from resources.registry.providers.vendor_deletion import Answered, DeletingApiClient, VendorDeletion


class QuayDeletion(VendorDeletion):
    """Needs an OAuth token with `repo:write`."""

    title: ClassVar[str] = Quay.title
    only_tags: ClassVar[bool] = True

    def __init__(self, label: str, settings: RegistrySettings, own: QuaySettings, sign_in: SignIn) -> None:
        self._reading = Quay(label, settings, own, sign_in)
        self._client = DeletingApiClient(f"{label}: Quay", own.api or settings.url, settings, sign_in, explain=explain)

    def delete_image(self, repository: str, digest: str) -> Answered:
        """End every tag that names the image now; Quay lets go of the image itself."""
        tags = [str(tag["name"]) for tag in self._reading.tags(repository) if tag.get("manifest_digest") == digest]
        removed = [self.remove_tag(repository, tag) for tag in tags]
        return "accepted" if "accepted" in removed else "not there"

    def remove_tag(self, repository: str, tag: str) -> Answered:
        query = Query(f"remove the tag {tag} of {repository}", method="DELETE", expects=(404,))
        answer = self._client.send(f"{repository_path(repository)}/tag/{quote(tag, safe='')}", query)
        return "not there" if answer.status == 404 else "accepted"

    def close(self) -> None:
        self._reading.close()
        self._client.close()
