"""Try each registry as the jobs will: sign in, list, read tags and a manifest, ask for referrers.

Deletion is never tried: what can be known of it without trying is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from registry_core.errors import ConfigError, RegistryError, RegistryPipelinesError
from registry_pipelines.cli.diagnosis import Diagnosis, State
from registry_pipelines.cli.doctor_vendor import diagnose_vendor
from registry_pipelines.config import credential_of
from resources.configuration.load import LoadedSite
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.addresses import manifest_url, pull_scope, repository_url
from resources.registry.connection import RegistryConnection
from resources.registry.reading import Manifest, Reader
from resources.registry.refusals import hides_its_list
from resources.registry.transport.engine import Engine
from resources.registry.transport.messages import Request

#: A catalog may begin with names of repositories whose last tag is gone.
_MOST_REPOSITORIES_TRIED = 20


@dataclass(frozen=True, slots=True)
class AskWhatIsAllowed(Request):
    """OPTIONS: changes nothing, and some registries answer which methods they know."""

    methods: ClassVar[frozenset[str]] = frozenset({"OPTIONS"})


def diagnose_registries(loaded: LoadedSite) -> Iterator[Diagnosis]:
    """All registries of the site."""
    if not loaded.site.registries:
        yield Diagnosis("configuration", "registries", "warning", "no registry is configured: add one to `registries`")
    for name, settings in loaded.site.registries.items():
        yield from diagnose_registry(name, settings, loaded)


def diagnose_registry(name: str, settings: RegistrySettings, loaded: LoadedSite) -> Iterator[Diagnosis]:
    """Everything that the jobs do with one registry, in their order, until the first thing that all else needs."""
    subject = f"registry {name}"
    try:
        credential = credential_of(settings, loaded)
        connection = RegistryConnection(name, settings, lambda: credential)
    except RegistryPipelinesError as error:
        yield Diagnosis(subject, "credentials", "fails", str(error))
        return
    try:
        with connection.engine() as engine:
            yield from _Examination(subject, connection, engine).all()
        yield from diagnose_vendor(subject, connection, lambda: credential)
    except ConfigError as error:
        yield Diagnosis(subject, "connect", "fails", str(error))
    finally:
        connection.close()


class _Examination:
    def __init__(self, subject: str, connection: RegistryConnection, engine: Engine) -> None:
        self._subject = subject
        self._connection = connection
        self._engine = engine
        self._reader = Reader(connection, engine)

    def all(self) -> Iterator[Diagnosis]:
        try:
            self._engine.run(self._reader.ping())
        except RegistryError as error:
            yield self._found("sign in", "fails", str(error))
            return
        scheme = {"basic": "with a password", "bearer": "with tokens"}.get(self._connection.sign_in_scheme)
        how = f"signed in {scheme}" if scheme and self._connection.settings.credentials else "without sign-in"
        yield self._found("sign in", "ok", f"{self._connection.url} answers, {how}")
        listed, diagnosis = self._repositories()
        yield diagnosis
        repository, tags, diagnosis = self._tags(listed)
        yield diagnosis
        if not tags:
            return
        manifest, diagnosis = self._manifest(repository, tags[0])
        yield diagnosis
        if manifest is not None:
            yield self._referrers(repository, manifest.digest)
            yield self._deletion(repository, manifest.digest)

    def _found(self, tried: str, state: State, told: str) -> Diagnosis:
        return Diagnosis(self._subject, tried, state, told)

    def _repositories(self) -> tuple[Sequence[str], Diagnosis]:
        configured = self._connection.settings.repositories
        try:
            listed = self._engine.run(self._reader.repositories())
        except RegistryError as error:
            if not hides_its_list(error):
                return configured, self._found("list repositories", "fails", str(error))
            if configured:
                told = f"it does not list them ({error.fault}); {len(configured)} are configured"
                return configured, self._found("list repositories", "ok", told)
            told = f"{error}. Name them in `repositories`; until then only those that workloads use are read"
            return (), self._found("list repositories", "warning", told)
        if not listed and not configured:
            told = (
                "it lists none: it is empty, or does not show them to this user. Name them in `repositories` if"
                " there are some"
            )
            return (), self._found("list repositories", "warning", told)
        more = f", and {len(configured)} are configured" if configured else ""
        return [*configured, *listed], self._found(
            "list repositories", "ok", f"{_counted(len(listed), 'repository', 'repositories')}{more}"
        )

    def _tags(self, repositories: Sequence[str]) -> tuple[str, list[str], Diagnosis]:
        for repository in repositories[:_MOST_REPOSITORIES_TRIED]:
            try:
                tags = self._engine.run(self._reader.tags(repository))
            except RegistryError as error:
                if error.fault == "missing" and repository not in self._connection.settings.repositories:
                    continue
                return repository, [], self._found("read tags", "fails", str(error))
            if tags:
                return (
                    repository,
                    tags,
                    self._found("read tags", "ok", f"{repository} has {_counted(len(tags), 'tag', 'tags')}"),
                )
        told = "there is no tag to read, so reading manifests was not tried"
        return "", [], self._found("read tags", "note", told)

    def _manifest(self, repository: str, tag: str) -> tuple[Manifest | None, Diagnosis]:
        try:
            manifest = self._engine.run(self._reader.manifest(repository, tag))
        except RegistryError as error:
            if error.fault in ("missing", "corrupt"):  # of this image, not of the registry: health tells more
                return None, self._found("read a manifest", "warning", str(error))
            return None, self._found("read a manifest", "fails", str(error))
        told = f"{repository}:{tag} is {manifest.digest[:19]}…, {manifest.media_type}"
        return manifest, self._found("read a manifest", "ok", told)

    def _referrers(self, repository: str, digest: str) -> Diagnosis:
        request = Request(
            "GET",
            f"{repository_url(self._connection.url, repository)}/referrers/{digest}",
            f"ask for the referrers of {digest} of {repository}",
            scope=pull_scope(repository),
            expects=(400, 404, 405),
        )
        try:
            answer = self._engine.run(self._connection.exchange(self._engine, request))
        except RegistryError as error:
            return self._found("referrers API", "warning", str(error))
        if answer.status == 200:
            return self._found("referrers API", "ok", "supported")
        told = f"not supported ({answer.status}): signatures are found by their tags (`sha256-…`)"
        return self._found("referrers API", "note", told)

    def _deletion(self, repository: str, digest: str) -> Diagnosis:
        request = AskWhatIsAllowed(
            "OPTIONS",
            manifest_url(self._connection.url, repository, digest),
            "ask which methods it allows",
            scope=pull_scope(repository),
            expects=(400, 401, 403, 404, 405, 501),
        )
        unknown = "unknown without trying, and it is not tried; the registry tells on first use (405 where disabled)"
        try:
            answer = self._engine.run(self._connection.exchange(self._engine, request))
        except RegistryError:
            return self._found("deletion", "note", unknown)
        allowed: set[str] = set()
        if answer.status < 300:  # frameworks put into a 405 what one route of theirs knows, not what is allowed
            allowed = {method.strip().upper() for method in (answer.header("allow") or "").split(",")} - {""}
        if not allowed:
            return self._found("deletion", "note", unknown)
        if "DELETE" in allowed:
            return self._found("deletion", "note", f"not ruled out (it names DELETE among its methods), but {unknown}")
        return self._found("deletion", "note", "probably disabled: it does not name DELETE among its methods")


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
