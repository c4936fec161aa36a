"""IBM Cloud Container Registry (`icr.io`): one list of all images of the account.

Source: cloud.ibm.com/apidocs/container-registry. Traps: the list is one answer without pages; `Created` is when the
image was built, not pushed; untagged images are not in the list; the API wants the header `Account`, the registry
wants the user `iamapikey`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from registry_core.coverage import Fault
from registry_core.digests import is_digest
from registry_core.foreign_json import texts_of
from resources.configuration.provider_settings import IbmSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.secrets import read_secret
from resources.registry.providers.api_client import ApiClient, Query
from resources.registry.providers.api_pages import entries_of
from resources.registry.providers.api_refusals import ApiAnswer
from resources.registry.providers.api_sign_in import FetchedTokenSignIn, text_in
from resources.registry.providers.interface import Capabilities, ImageDetail, Provider, no, unknown, yes
from resources.registry.spent import Spent

API = "/api/v1"

#: User name that makes the password of a login an API key.
USERNAME = "iamapikey"

CAPABILITIES = Capabilities(
    lists_repositories=yes("those with a tagged image, in the namespaces of the account in that region"),
    knows_push_time=no("only when the image was built"),
    knows_last_pull=no("this API does not tell it"),
    removes_single_tags=yes("the image stays, without that tag"),
    deletes=yes("into the trash"),
    restores=yes("from the trash, for 30 days"),
    referrers=unknown("the registry is asked; the API does not tell"),
    locks=no("images cannot be locked"),
    collection=no("IBM collects by itself, when the trash is emptied"),
)


_LONGEST_SECONDS = 3600


class Ibm(Provider):
    """The images of one account in one region."""

    name: ClassVar[str] = "ibm"
    title: ClassVar[str] = "IBM Cloud Container Registry"
    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def __init__(self, label: str, settings: RegistrySettings, own: IbmSettings) -> None:
        sign_in = ibm_sign_in(label, settings, own)
        self.client = ApiClient(f"{label}: IBM", own.api or settings.url, settings, sign_in, explain=explain)
        self._account = own.account

    def list_repositories(self) -> Iterator[str]:
        for image in self._images("list the images of the account"):
            yield from _repositories_of(image)

    def read_images(self, repository: str) -> Iterator[ImageDetail]:
        for image in self._images(f"list the images of {repository}", repository=repository):
            tags = tuple(
                tag
                for place, _, tag in (one.rpartition(":") for one in texts_of(image, "RepoTags"))
                if place.partition("/")[2] == repository
            )
            for written in texts_of(image, "RepoDigests"):
                place, _, digest = str(written).partition("@")
                if place.partition("/")[2] == repository and is_digest(digest):
                    yield ImageDetail(digest, tags=tags)

    @property
    def spent(self) -> Spent:
        return self.client.spent

    def close(self) -> None:
        self.client.close()

    def _images(self, wanted: str, **only: str) -> list[dict[str, Any]]:
        params = {"includeIBM": "false", "includePrivate": "true", "includeManifestLists": "true", **only}
        answer = self.client.get(f"{API}/images", wanted, params=params, headers={"Account": self._account})
        return entries_of(self.client, answer, wanted)


def ibm_sign_in(label: str, settings: RegistrySettings, own: IbmSettings) -> FetchedTokenSignIn:
    """An IAM token for the API key, kept for most of its hour."""
    iam = ApiClient(f"{label}: IBM IAM", own.iam, settings)

    def fetch(_: ApiClient) -> tuple[str, float]:
        wanted = "trade the API key for an IAM token"
        form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": read_secret(own.api_key)}
        answer = iam.ask_for_token("/identity/token", Query(wanted, method="POST", form=form, explain=explain))
        seconds = answer.content.get("expires_in") if isinstance(answer.content, dict) else None
        lifetime = float(min(seconds, _LONGEST_SECONDS)) if isinstance(seconds, int) and seconds > 0 else 600.0
        return text_in(iam, answer.content, "access_token", wanted), lifetime

    return FetchedTokenSignIn(fetch)


def explain(answer: ApiAnswer) -> tuple[Fault, str] | None:
    """What IBM means by a refusal, and what to do."""
    if answer.status in (400, 401, 403):
        return (
            "forbidden",
            "check `api_key` and `account`, and that the key's user is Reader of the registry (Manager to delete)",
        )
    if answer.status == 404:
        return "missing", "it does not exist in this region; check `url`"
    return None


def _repositories_of(image: dict[str, Any]) -> Iterator[str]:
    for written in texts_of(image, "RepoTags"):
        yield written.rpartition(":")[0].partition("/")[2]
    for written in texts_of(image, "RepoDigests"):
        yield written.partition("@")[0].partition("/")[2]
