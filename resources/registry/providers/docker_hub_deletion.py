"""Deletion at Docker Hub: tags through the Hub API. The manifest itself goes through the registry, once untagged."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from resources.configuration.provider_settings import DockerHubSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import Query, SignIn
from resources.registry.providers.docker_hub import DockerHub, explain
from resources.registry.providers.vendor_deletion import Answered, DeletingApiClient, VendorDeletion


class DockerHubDeletion(VendorDeletion):
    """Needs an access token with `Read, Write, Delete`."""

    title: ClassVar[str] = DockerHub.title
    only_tags: ClassVar[bool] = True

    def __init__(self, label: str, settings: RegistrySettings, own: DockerHubSettings, sign_in: SignIn) -> None:
        self._reading = DockerHub(label, settings, own, sign_in)
        self._client = DeletingApiClient(f"{label}: Docker Hub", own.api, settings, sign_in, explain=explain)

    def delete_image(self, repository: str, digest: str) -> Answered:
        """Remove every tag that names the image now. The registry's own DELETE by digest is possible after that."""
        tags = {tag for one in self._reading.read_images(repository) if one.digest == digest for tag in one.tags}
        removed = [self.remove_tag(repository, tag) for tag in sorted(tags)]
        return "accepted" if "accepted" in removed else "not there"

    def remove_tag(self, repository: str, tag: str) -> Answered:
        namespace, _, name = repository.rpartition("/")
        path = f"/v2/repositories/{quote(namespace, safe='')}/{quote(name, safe='')}/tags/{quote(tag, safe='')}/"
        query = Query(f"remove the tag {tag} of {repository}", method="DELETE", expects=(404,))
        return "not there" if self._client.send(path, query).status == 404 else "accepted"

    def close(self) -> None:
        self._reading.close()
        self._client.close()
