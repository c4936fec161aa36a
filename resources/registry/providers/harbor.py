"""Harbor 2: projects, repositories, artifacts with their tags, times, labels and what protects them.

Source: goharbor/harbor api/v2.0/swagger.yaml. Traps: `/` in a repository's name is encoded twice (`a%252Fb`); 100
entries a page at most; a user without rights gets empty lists rather than errors; a robot of one project may list
neither projects nor rules; "never pulled" is the year 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote

from registry_core.coverage import Fault
from registry_core.digests import is_digest
from registry_core.errors import RegistryError
from registry_core.foreign_json import whole_number
from resources.configuration.provider_settings import HarborSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import ApiClient, SignIn
from resources.registry.providers.api_pages import MovingList, numbered_pages
from resources.registry.providers.api_refusals import ApiAnswer
from resources.registry.providers.harbor_protection import HarborRules
from resources.registry.providers.interface import Capabilities, ImageDetail, Provider, vendor_time, yes
from resources.registry.spent import Spent

API = "/api/v2.0"
_PAGE_SIZE = 100

CAPABILITIES = Capabilities(
    lists_repositories=yes("all of the projects that the account sees"),
    knows_push_time=yes("of every artifact and tag"),
    knows_last_pull=yes("of every artifact, unless an administrator switched that off"),
    removes_single_tags=yes("apart from deleting the artifact"),
    deletes=yes("through the API; 412 for a child of an index and for what an immutable tag holds"),
    restores=yes("by pushing the manifest again, until the blobs are collected"),
    referrers=yes("the OCI API and Harbor's accessories"),
    locks=yes("immutable tags; retention rules are told too"),
    collection=yes("through the API, by an administrator"),
)


class Harbor(Provider):
    """One Harbor, as the configured account sees it."""

    name: ClassVar[str] = "harbor"
    title: ClassVar[str] = "Harbor"
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    names_every_image: ClassVar[bool] = True

    def __init__(self, label: str, settings: RegistrySettings, own: HarborSettings, sign_in: SignIn) -> None:
        self.client = ApiClient(f"{label}: Harbor", own.api or settings.url, settings, sign_in, explain=explain)
        self._rules = HarborRules(self.client)
        self._projects = own.projects

    def list_repositories(self) -> Iterator[str]:
        for project in self._projects or self._all_projects():
            path = f"{API}/projects/{quote(project, safe='')}/repositories"
            for repository in self._entries(path, f"list the repositories of project {project}", "id"):
                if isinstance(repository.get("name"), str):
                    yield repository["name"]

    def read_images(self, repository: str) -> Iterator[ImageDetail]:
        path = f"{repository_path(repository)}/artifacts"
        params: dict[str, str | int] = {
            "with_tag": "true",
            "with_label": "true",
            "with_accessory": "true",
            "with_immutable_status": "true",
        }
        failed: RegistryError | None = None
        try:
            rules = self._rules.of(repository.partition("/")[0])
        except RegistryError as error:
            rules, failed = HarborRules.nothing, error
        for artifact in self._entries(path, f"list the artifacts of {repository}", "digest", params):
            yield from _images_of(artifact, rules.protection_of(repository, _tags_of(artifact)))
        if failed is not None and failed.fault not in ("forbidden", "missing"):
            raise failed

    @property
    def spent(self) -> Spent:
        return self.client.spent

    def close(self) -> None:
        self.client.close()

    def _all_projects(self) -> Iterator[str]:
        for project in self._entries(f"{API}/projects", "list the projects", "project_id"):
            if isinstance(project.get("name"), str):
                yield project["name"]

    def _entries(
        self, path: str, wanted: str, key: str, params: dict[str, str | int] | None = None
    ) -> Iterator[dict[str, Any]]:
        def read() -> Iterator[ApiAnswer]:
            return numbered_pages(self.client, path, wanted, size_key="page_size", size=_PAGE_SIZE, params=params)

        return MovingList(self.client, wanted, read, total_of=_total_of).entries(key)


def repository_path(repository: str) -> str:
    """Path of a repository below its project; a name with slashes is encoded twice."""
    project, _, name = repository.partition("/")
    return f"{API}/projects/{quote(project, safe='')}/repositories/{quote(quote(name, safe=''), safe='')}"


def explain(answer: ApiAnswer) -> tuple[Fault, str] | None:
    """What Harbor means by a refusal, and what to do."""
    if answer.status == 401:
        return "forbidden", "user or secret is wrong, or the robot account has expired; check `credentials`"
    if answer.status == 403:
        return "forbidden", "give the account what it lacks: list and read of project, repository, artifact and tag"
    if answer.status == 404:
        return "missing", "it does not exist, or the account does not see it; check `projects` and `api`"
    if answer.status == 412:
        return (
            "forbidden",
            "it is a child of an index, or an immutable tag holds it; delete the index, or change the rule",
        )
    return None


def _images_of(artifact: dict[str, Any], protection: tuple[str, ...]) -> Iterator[ImageDetail]:
    digest = artifact.get("digest")
    if not isinstance(digest, str) or not is_digest(digest):
        return
    tags = _objects(artifact, "tags")
    immutable = sorted(str(tag.get("name")) for tag in tags if tag.get("immutable") is True)
    held = (f"immutable tag: {', '.join(immutable)}",) if immutable else ()
    yield ImageDetail(
        digest,
        tags=_tags_of(artifact),
        pushed_at=vendor_time(artifact.get("push_time")),
        pulled_at=vendor_time(artifact.get("pull_time")),
        protection=held + protection,
        labels=tuple(str(label["name"]) for label in _objects(artifact, "labels") if "name" in label),
    )
    for accessory in _objects(artifact, "accessories"):
        found = accessory.get("digest")
        if isinstance(found, str) and is_digest(found):
            yield ImageDetail(found, pushed_at=vendor_time(accessory.get("creation_time")))


def _tags_of(artifact: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(tag["name"]) for tag in _objects(artifact, "tags") if isinstance(tag.get("name"), str))


def _objects(holder: dict[str, Any], key: str) -> list[dict[str, Any]]:
    listed = holder.get(key)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _total_of(answer: ApiAnswer) -> int | None:
    value = answer.headers.get("x-total-count", "")
    return whole_number(value)
