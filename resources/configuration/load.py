"""Read the one file of a site, and tell everything that is wrong with it at once.

Nothing is contacted and no secret is fetched here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from registry_core.errors import ConfigError, Problem
from registry_core.foreign_json import whole_number
from resources.configuration.crosscheck import crosscheck
from resources.configuration.crosscheck_cutovers import crosscheck_cutovers
from resources.configuration.crosscheck_events import crosscheck_events
from resources.configuration.cutover_settings import CutoverSettings
from resources.configuration.document import Document, KeyPath, read_document
from resources.configuration.event_settings import EventSettings
from resources.configuration.explain import explain
from resources.configuration.migration_settings import CopyRuleSettings, MigrationSettings
from resources.configuration.paths import FOLDER, beside, from_home
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.replication_settings import ReplicationSettings
from resources.configuration.settings import ClusterSettings, Site

SITE_FILE = "registry_pipelines.yaml"
SITE_FILE_VARIABLE = "REGISTRY_PIPELINES_CONFIG"
DEFAULT_DATABASE_FILE = "registry_pipelines.sqlite"

Entry = TypeVar("Entry", bound=BaseModel)

CheckPolicies = Callable[[Any], object]
"""Reads the list under `policies`; raises ConfigError whose places begin with `policies` (`policies[2].keep_last`)."""


@dataclass(frozen=True, slots=True)
class LoadedSite:
    """The settings of a site and the file they came from. All paths in them are absolute."""

    path: Path
    site: Site

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def database_url(self) -> str:
        """SQLAlchemy URL of the history, without its password: the one given, else SQLite beside the file."""
        return self.site.database.url or f"sqlite:///{self.folder / DEFAULT_DATABASE_FILE}"


def find_site_file() -> Path:
    """The file named by REGISTRY_PIPELINES_CONFIG, else `registry_pipelines.yaml` here. It may not exist.

    Raises ConfigError for what no file can be called.
    """
    named = os.environ.get(SITE_FILE_VARIABLE)
    try:
        return (from_home(named) if named else Path(SITE_FILE)).absolute()
    except ValueError as error:
        raise ConfigError(str(error), subject=SITE_FILE_VARIABLE) from None


def load_site(path: Path | None = None, *, check_policies: CheckPolicies | None = None) -> LoadedSite:
    """Read and check a site's file (`find_site_file()` where none is named), its policies as the core reads them.

    Raises ConfigError with every problem of the file, each with its line; never with a secret.
    """
    path = (path or find_site_file()).absolute()
    document = read_document(path)
    if not isinstance(document.value, dict):
        raise ConfigError("write keys and values (`registries:` …) at the top of the file", subject=document.name)
    folder = path.parent
    context = {FOLDER: folder}
    problems = list(document.problems)
    site: Site | None = None
    try:
        site = Site.model_validate(document.value, context=context)
    except ValidationError as error:
        problems += explain(error, Site)
    problems += _across(document, context)
    if document.value.get("policies"):
        problems += _policy_problems(check_policies or _read_policies, document.value["policies"])
    if problems or site is None:
        problems.sort(key=lambda problem: document.line(problem[0]))
        raise ConfigError(
            [Problem(document.place(where), message) for where, message in problems], subject=document.name
        )
    return LoadedSite(path, _with_database(site, folder))


def _across(document: Document, context: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Checks across entries, over all those that are right in themselves, so that one fault hides no other."""
    clusters = _valid_entries(document.value.get("clusters"), ClusterSettings, context)
    registries = _valid_entries(document.value.get("registries"), RegistrySettings, context)
    cutovers = _valid_entries(document.value.get("cutovers"), CutoverSettings, context)
    yield from crosscheck(clusters, registries, _copy_rules(document, context))
    yield from crosscheck_cutovers(cutovers, clusters=clusters, registries=registries)
    events = _valid_entries(document.value.get("events"), EventSettings, context)
    replications = _valid_entries(document.value.get("replications"), ReplicationSettings, context)
    yield from crosscheck_events(events, registries, replications)


def _copy_rules(document: Document, context: dict[str, Any]) -> dict[KeyPath, CopyRuleSettings]:
    """Every rule that copies, by its place."""
    sections: dict[str, type[CopyRuleSettings]] = {"migrations": MigrationSettings, "replications": ReplicationSettings}
    return {
        (section, name): one
        for section, model in sections.items()
        for name, one in _valid_entries(document.value.get(section), model, context).items()
        if one is not None
    }


def _read_policies(policies: object) -> object:
    from registry_core.policy import read_policies  # pandas, which a site without policies need not wait for

    return read_policies(policies)


def _policy_problems(check: CheckPolicies, policies: object) -> Iterator[tuple[KeyPath, str]]:
    try:
        check(policies)
    except ConfigError as error:
        for problem in error.problems:
            parts = re.findall(r"[^.\[\]]+", problem.place)
            yield tuple(part if (number := whole_number(part)) is None else number for part in parts), problem.message


def _valid_entries(written: object, model: type[Entry], context: dict[str, Any]) -> dict[str, Entry | None]:
    """Entries by name; None where the entry has a problem of its own, told already."""
    entries: dict[str, Entry | None] = {}
    for name, value in written.items() if isinstance(written, dict) else ():
        try:
            entries[str(name)] = model.model_validate(value, context=context)
        except ValidationError:
            entries[str(name)] = None
    return entries


def _with_database(site: Site, folder: Path) -> Site:
    """The site with the address of its database written out; a relative SQLite file lies beside the site's."""
    url = site.database.url or f"sqlite:///{DEFAULT_DATABASE_FILE}"
    if url.startswith("sqlite:///") and not url.startswith(("sqlite:////", "sqlite:///:memory:")):
        try:
            url = f"sqlite:///{beside(folder, url.removeprefix('sqlite:///'))}"
        except ValueError as error:
            raise ConfigError(str(error), subject="database.url") from None
    return site.model_copy(update={"database": site.database.model_copy(update={"url": url})})
