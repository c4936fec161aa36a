"""Deletion at Amazon ECR. Traps: failures come in `failures[]` with status 200; a tag's removal, when it is the last,
deletes the image too, so that is refused here."""

from __future__ import annotations

from typing import ClassVar

from registry_core.coverage import Fault
from registry_core.errors import RegistryError
from registry_core.foreign_json import entries_of, texts_of
from resources.configuration.provider_settings import EcrSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.ecr import Ecr, EcrApi
from resources.registry.providers.vendor_deletion import Answered, VendorDeletion

_GONE = "ImageNotFound"
_FAULTS: dict[str, Fault] = {"UpstreamUnavailable": "unreachable", "UpstreamTooManyRequests": "throttled"}


class EcrDeletion(VendorDeletion):
    """Needs `ecr:BatchDeleteImage`."""

    title: ClassVar[str] = Ecr.title

    def __init__(self, label: str, settings: RegistrySettings, own: EcrSettings) -> None:
        self._api = EcrApi(f"{label}: ECR", settings, own)

    def delete_image(self, repository: str, digest: str) -> Answered:
        return self._delete(repository, {"imageDigest": digest}, f"delete {digest} of {repository}")

    def remove_tag(self, repository: str, tag: str) -> Answered:
        wanted = f"remove the tag {tag} of {repository}"
        try:
            found = self._api.call(
                "describe_images",
                wanted,
                repositoryName=repository,
                imageIds=[{"imageTag": tag}],
                **self._api.account,
            )
        except RegistryError as error:
            if error.fault == "missing":
                return "not there"
            raise
        if any(len(texts_of(one, "imageTags")) < 2 for one in entries_of(found, "imageDetails")):
            raise RegistryError(
                f"{self._api.label}: could not {wanted}: it is the image's last tag, and ECR would delete the image"
                " with it; delete the image itself if it may go",
                fault="forbidden",
            )
        return self._delete(repository, {"imageTag": tag}, wanted)

    def close(self) -> None:
        self._api.close()

    def _delete(self, repository: str, image: dict[str, str], wanted: str) -> Answered:
        answer = self._api.call(
            "batch_delete_image", wanted, repositoryName=repository, imageIds=[image], **self._api.account
        )
        for failure in entries_of(answer, "failures"):
            code = str(failure.get("failureCode"))
            if code == _GONE:
                return "not there"
            raise RegistryError(
                f"{self._api.label}: could not {wanted}: {code}: {failure.get('failureReason')}; what an index lists"
                " goes after the index",
                fault=_FAULTS.get(code, "forbidden"),
                status=200,
                codes=(code,),
            )
        return "accepted"
