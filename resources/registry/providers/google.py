"""Google Artifact Registry: packages of the Docker repositories of a project, versions with their times.

Source: cloud.google.com/artifact-registry/docs/reference/rest. Traps: an image is `project/repository/image`, of which
the image is one package, `/` in it written `%2F`; `nextPageToken` may come with an empty page; `relatedTags` needs
`view=FULL`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlencode

from registry_core.coverage import Fault
from registry_core.digests import is_digest
from registry_core.errors import RegistryError
from resources.configuration.provider_settings import GoogleSettings
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.providers.api_client import ApiClient, SignIn
from resources.registry.providers.api_pages import entries_of, pages
from resources.registry.providers.api_refusals import ApiAnswer
from resources.registry.providers.interface import Capabilities, ImageDetail, Provider, no, vendor_time, yes
from resources.registry.spent import Spent

HOST_END = "-docker.pkg.dev"
_REMEMBERED_SECONDS = 300.0
_PAGE_SIZE = 1000

CAPABILITIES = Capabilities(
    lists_repositories=yes("all packages of the Docker repositories of the project in that location"),
    knows_push_time=yes("of every version"),
    knows_last_pull=no("this API does not tell it"),
    removes_single_tags=yes("the version stays"),
    deletes=yes("with or without its tags"),
    restores=no("what is deleted is gone"),
    referrers=yes("the OCI API"),
    locks=yes("what has a tag, in a repository whose tags are immutable"),
    collection=no("Google collects by itself"),
)


class Google(Provider):
    """The Docker repositories of one project in one location."""

    name: ClassVar[str] = "google"
    title: ClassVar[str] = "Google Artifact Registry"
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    names_every_image: ClassVar[bool] = True

    def __init__(self, label: str, settings: RegistrySettings, own: GoogleSettings, sign_in: SignIn) -> None:
        self.client = ApiClient(f"{label}: Google", own.api, settings, sign_in, explain=explain)
        self.location = location_of(settings, own)
        self._project = own.project
        self._immutable: dict[str, tuple[float, bool]] = {}  # by repository, when it was asked

    @property
    def can_list(self) -> bool:
        return self._project is not None

    def list_repositories(self) -> Iterator[str]:
        if self._project is None:
            raise RegistryError(
                f"{self.client.label}: could not list repositories: no project is named; write"
                " `provider: {google: {project: …}}`",
                fault="missing",
            )
        place = f"projects/{self._project}/locations/{self.location}"
        wanted = f"list the repositories of project {self._project}"
        for one in self._entries(f"/v1/{place}/repositories", wanted, "repositories"):
            if one.get("format") != "DOCKER":
                continue
            name = str(one.get("name", "")).rpartition("/")[2]
            wanted_packages = f"list the packages of {self._project}/{name}"
            for package in self._entries(f"/v1/{place}/repositories/{name}/packages", wanted_packages, "packages"):
                image = unquote(str(package.get("name", "")).rpartition("/packages/")[2])
                if image:
                    yield f"{self._project}/{name}/{image}"

    def read_images(self, repository: str) -> Iterator[ImageDetail]:
        package = package_path(repository, self.location)
        path = f"/v1/{package}/versions"
        immutable = self._has_immutable_tags(package.partition("/packages/")[0])
        for one in self._entries(path, f"list the versions of {repository}", "versions", view="FULL"):
            digest = str(one.get("name", "")).rpartition("/")[2]
            if is_digest(digest):
                tags = _tags_of(one)
                held = (f"immutable tags of the repository: {', '.join(tags)}",) if immutable and tags else ()
                yield ImageDetail(digest, tags=tags, pushed_at=vendor_time(one.get("createTime")), protection=held)

    @property
    def spent(self) -> Spent:
        return self.client.spent

    def close(self) -> None:
        self.client.close()

    def _has_immutable_tags(self, place: str) -> bool:
        """Then Google deletes neither a tag nor what has one. Asked once for all packages of a repository."""
        asked_at, immutable = self._immutable.get(place, (0.0, False))
        if not asked_at or time.monotonic() - asked_at > _REMEMBERED_SECONDS:
            found = self.client.get(f"/v1/{place}", f"read the settings of {place}").content
            docker = found.get("dockerConfig") if isinstance(found, dict) else None
            immutable = isinstance(docker, dict) and docker.get("immutableTags") is True
            self._immutable[place] = (time.monotonic(), immutable)
        return immutable

    def _entries(self, path: str, wanted: str, key: str, **only: str) -> Iterator[dict[str, Any]]:
        first: dict[str, str | int] = {"pageSize": _PAGE_SIZE, **only}

        def following(answer: ApiAnswer) -> str | None:
            token = answer.content.get("nextPageToken") if isinstance(answer.content, dict) else None
            return f"{path}?{urlencode({**first, 'pageToken': token})}" if token else None

        for answer in pages(self.client, path, wanted, params=first, following=following):
            yield from entries_of(self.client, answer, wanted, key)


def location_of(settings: RegistrySettings, own: GoogleSettings) -> str:
    """`europe-west3` of `europe-west3-docker.pkg.dev`, where the settings do not say."""
    return own.location or settings.host.removesuffix(HOST_END)


def package_path(repository: str, location: str) -> str:
    """Name of the package of an image `project/repository/image`. Domain projects (`example.com:web`) stay whole."""
    project, _, rest = repository.partition("/")
    name, _, image = rest.partition("/")
    return f"projects/{project}/locations/{location}/repositories/{name}/packages/{quote(image, safe='')}"


def explain(answer: ApiAnswer) -> tuple[Fault, str] | None:
    """What Google means by a refusal, and what to do."""
    if answer.status in (401, 403):
        return "forbidden", "give the account the role `roles/artifactregistry.reader` (`.repoAdmin` to delete)"
    if answer.status == 404:
        return "missing", "it does not exist; check `project` and `location`"
    return None


def _tags_of(version: dict[str, Any]) -> tuple[str, ...]:
    listed = version.get("relatedTags")
    names = (str(one.get("name", "")) for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()
    return tuple(name.rpartition("/tags/")[2] for name in names)
