"""Restoration at IBM Cloud Container Registry: from the trash, for 30 days, with the tags that the image had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import quote

from resources.configuration.provider_settings import IbmSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import Query
from resources.registry.providers.ibm import API, Ibm, explain, ibm_sign_in
from resources.registry.providers.posting_client import PostingApiClient
from resources.registry.providers.vendor_restoration import VendorRestoration


class IbmRestoration(VendorRestoration):
    """Needs the role Manager of the registry."""

    title: ClassVar[str] = Ibm.title

    def __init__(self, label: str, settings: RegistrySettings, own: IbmSettings) -> None:
        sign_in = ibm_sign_in(label, settings, own)
        self._client = PostingApiClient(f"{label}: IBM", own.api or settings.url, settings, sign_in, explain=explain)
        self._account = {"Account": own.account}
        self._host = settings.names[0]

    def restore_image(self, repository: str, digest: str, tags: Sequence[str]) -> None:
        path = f"{API}/trash/{quote(f'{self._host}/{repository}@{digest}', safe='')}/restoretags"
        self._client.send(path, Query(f"restore {digest} of {repository}", method="POST", headers=self._account))

    def close(self) -> None:
        self._client.close()
