"""Deletion at IBM Cloud Container Registry: into the trash, from which images come back for 30 days."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from resources.configuration.provider_settings import IbmSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import Query
from resources.registry.providers.ibm import API, Ibm, explain, ibm_sign_in
from resources.registry.providers.vendor_deletion import Answered, DeletingApiClient, VendorDeletion


class IbmDeletion(VendorDeletion):
    """Needs the role Manager of the registry."""

    title: ClassVar[str] = Ibm.title

    def __init__(self, label: str, settings: RegistrySettings, own: IbmSettings) -> None:
        sign_in = ibm_sign_in(label, settings, own)
        self._client = DeletingApiClient(f"{label}: IBM", own.api or settings.url, settings, sign_in, explain=explain)
        self._account = {"Account": own.account}
        self._host = settings.names[0]

    def delete_image(self, repository: str, digest: str) -> Answered:
        path = f"{API}/images/{quote(f'{self._host}/{repository}@{digest}', safe='')}"
        return self._change("DELETE", path, f"delete {digest} of {repository}")

    def remove_tag(self, repository: str, tag: str) -> Answered:
        path = f"{API}/tags/{quote(f'{self._host}/{repository}:{tag}', safe='')}"
        return self._change("DELETE", path, f"remove the tag {tag} of {repository}")

    def close(self) -> None:
        self._client.close()

    def _change(self, method: str, path: str, wanted: str) -> Answered:
        answer = self._client.send(path, Query(wanted, method=method, headers=self._account, expects=(404,)))
        return "not there" if answer.status == 404 else "accepted"
