"""Deletion at Alibaba Cloud Container Registry: tags through the API; an image goes with its last tag."""

from __future__ import annotations

from typing import ClassVar

from registry_core.errors import RegistryError
from resources.configuration.provider_settings import AliyunSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.aliyun import Aliyun, AliyunApi
from resources.registry.providers.vendor_deletion import Answered, VendorDeletion


class AliyunDeletion(VendorDeletion):
    """Needs `cr:DeleteRepositoryTag`."""

    title: ClassVar[str] = Aliyun.title
    only_tags: ClassVar[bool] = True

    def __init__(self, label: str, settings: RegistrySettings, own: AliyunSettings) -> None:
        self._reading = Aliyun(label, settings, own)
        self._api = AliyunApi(label, settings, own)

    def delete_image(self, repository: str, digest: str) -> Answered:
        """Remove every tag that names the image now."""
        tags = {tag for one in self._reading.read_images(repository) if one.digest == digest for tag in one.tags}
        removed = [self.remove_tag(repository, tag) for tag in sorted(tags)]
        return "accepted" if "accepted" in removed else "not there"

    def remove_tag(self, repository: str, tag: str) -> Answered:
        number = self._api.repository_id(repository)
        try:
            self._api.call("DeleteRepoTag", f"remove the tag {tag} of {repository}", {"RepoId": number, "Tag": tag})
        except RegistryError as error:
            if error.fault == "missing":
                return "not there"
            raise
        return "accepted"

    def close(self) -> None:
        self._reading.close()
        self._api.client.close()
