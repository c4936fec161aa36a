"""Alibaba Cloud Container Registry, Enterprise Edition: repositories and tags of one instance.

Source: Alibaba Cloud API cr 2018-12-01 (ListRepository, ListRepoTag, GetAuthorizationToken) and its RPC signature 1.0.
Traps: every page is signed anew; times are milliseconds; answers of failures may come with status 200 and
`IsSuccess: false`; the registry's own login is a temporary one of this API.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from registry_core.coverage import Fault
from registry_core.digests import is_digest
from registry_core.errors import RegistryError
from registry_core.foreign_json import whole_number
from resources.configuration.provider_settings import AliyunSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.secrets import read_secret
from resources.registry.providers.api_client import ApiClient
from resources.registry.providers.api_pages import entries_of
from resources.registry.providers.api_refusals import ApiAnswer
from resources.registry.providers.api_sign_in import text_in
from resources.registry.providers.interface import Capabilities, ImageDetail, Provider, no, unix_time, unknown, yes
from resources.registry.sign_in.login import Login
from resources.registry.spent import Spent

VERSION = "2018-12-01"
_PAGE_SIZE = 100

CAPABILITIES = Capabilities(
    lists_repositories=yes("all of the instance"),
    knows_push_time=yes("when each tag was last pushed"),
    knows_last_pull=no("this API does not tell it"),
    removes_single_tags=yes("through the API"),
    deletes=yes("the tags through the API; the image goes with the last"),
    restores=no("what is deleted is gone; push the manifest again while the layers are there"),
    referrers=unknown("the registry is asked; the API does not tell"),
    locks=unknown("immutable repositories are a setting that this list does not tell"),
    collection=unknown("Alibaba collects by itself"),
)


class Aliyun(Provider):
    """One instance."""

    name: ClassVar[str] = "aliyun"
    title: ClassVar[str] = "Alibaba Cloud Container Registry"
    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def __init__(self, label: str, settings: RegistrySettings, own: AliyunSettings) -> None:
        self.api = AliyunApi(label, settings, own)
        self._ids: dict[str, str] = {}

    def list_repositories(self) -> Iterator[str]:
        for one in self.api.entries("ListRepository", "list the repositories", "Repositories", {"RepoStatus": "ALL"}):
            name = f"{one.get('RepoNamespaceName')}/{one.get('RepoName')}"
            self._ids[name] = str(one.get("RepoId", ""))
            yield name

    def read_images(self, repository: str) -> Iterator[ImageDetail]:
        number = self._ids.get(repository) or self.api.repository_id(repository)
        for one in self.api.entries("ListRepoTag", f"list the tags of {repository}", "Images", {"RepoId": number}):
            digest = str(one.get("Digest", ""))
            digest = digest if ":" in digest else f"sha256:{digest}"
            if is_digest(digest):
                milliseconds = whole_number(str(one.get("ImageUpdate") or one.get("ImageCreate")))
                pushed = None if milliseconds is None else milliseconds / 1000
                yield ImageDetail(digest, tags=(str(one.get("Tag", "")),), pushed_at=unix_time(pushed))

    @property
    def spent(self) -> Spent:
        return self.api.client.spent

    def close(self) -> None:
        self.api.client.close()


class AliyunApi:
    """Signed calls of one instance."""

    def __init__(self, label: str, settings: RegistrySettings, own: AliyunSettings) -> None:
        url = own.api or f"https://cr.{own.region}.aliyuncs.com"
        self.client = ApiClient(f"{label}: Alibaba Cloud", url, settings, explain=explain)
        self._own = own

    def call(self, action: str, wanted: str, parameters: Mapping[str, str | int]) -> dict[str, Any]:
        """One call. Raises RegistryError, for failures with status 200 too."""
        unsigned = {
            "Action": action,
            "Format": "JSON",
            "Version": VERSION,
            "AccessKeyId": self._own.access_key_id,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": uuid.uuid4().hex,
            "Timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "RegionId": self._own.region,
            "InstanceId": self._own.instance,
            **{key: str(value) for key, value in parameters.items()},
        }
        signed = {**unsigned, "Signature": signature("GET", unsigned, read_secret(self._own.access_key_secret))}
        answer = self.client.get("/?" + _query(signed), wanted)
        if not isinstance(answer.content, dict):
            raise self.client.nonsense(wanted, answer, "the answer is no JSON object")
        if answer.content.get("IsSuccess") is False:
            code, said = answer.content.get("Code"), answer.said
            raise RegistryError(
                f"{self.client.label}: could not {wanted}: {code} {said};"
                " check `instance` and what the RAM user may do",
                fault="missing" if "NOT_EXIST" in str(code) else "forbidden",
            )
        return answer.content

    def entries(
        self, action: str, wanted: str, key: str, parameters: Mapping[str, str | int]
    ) -> Iterator[dict[str, Any]]:
        """Entries of all pages. `TotalCount` says how many there are; a page that brings none before that raises."""
        read, number = 0, 1
        while True:
            paging = {"PageNo": number, "PageSize": _PAGE_SIZE}
            content = self.call(action, wanted, {**parameters, **paging})
            answer = ApiAnswer(200, {}, b"{}", content, self.client.url)
            found = entries_of(self.client, answer, wanted, key)
            yield from found
            read, number = read + len(found), number + 1
            counted = whole_number(str(content.get("TotalCount", "")))
            total = read if counted is None else counted
            if read >= total:
                return
            if not found:
                raise RegistryError(
                    f"{self.client.label}: could not {wanted} whole: it counts {total:,} and gives {read:,}; run again",
                    fault="unreachable",
                    retryable=True,
                )

    def repository_id(self, repository: str) -> str:
        namespace, _, name = repository.partition("/")
        wanted = f"find {repository}"
        content = self.call("GetRepository", wanted, {"RepoNamespaceName": namespace, "RepoName": name})
        return text_in(self.client, content, "RepoId", wanted)


def aliyun_login(label: str, settings: RegistrySettings, own: AliyunSettings) -> Login:
    """The temporary login of the registry itself. Raises RegistryError or ConfigError."""
    api = AliyunApi(label, settings, own)
    wanted = "get a login for the registry"
    try:
        content = api.call("GetAuthorizationToken", wanted, {})
        return Login(
            text_in(api.client, content, "TempUsername", wanted),
            text_in(api.client, content, "AuthorizationToken", wanted),
        )
    finally:
        api.client.close()


def signature(method: str, parameters: Mapping[str, str], secret: str) -> str:
    """HMAC-SHA1 over the sorted, percent-encoded parameters (RPC signature 1.0)."""
    text = f"{method}&%2F&{_encoded(_query(dict(sorted(parameters.items()))))}"
    return base64.b64encode(hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()).decode()


def explain(answer: ApiAnswer) -> tuple[Fault, str] | None:
    """What Alibaba Cloud means by a refusal, and what to do."""
    if answer.status in (400, 401, 403):
        return "forbidden", "check the access key, and that the RAM user may `cr:List*` and `cr:Get*` of the instance"
    if answer.status == 404:
        return "missing", "check `instance` and `region`"
    return None


def _query(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{_encoded(key)}={_encoded(value)}" for key, value in parameters.items())


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
