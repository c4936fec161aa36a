"""Which repositories to crawl: what the registry lists, what the configuration names, what clusters use."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from registry_core.catalog_gaps import LIST_OF_REPOSITORIES
from registry_core.coverage import Gap
from registry_core.errors import RegistryError
from registry_core.globs import compile_globs
from resources.configuration.registry_settings import RegistrySettings
from resources.registry.crawling.vendor import VendorBeside
from resources.registry.reading import Reader
from resources.registry.refusals import hides_its_list

CATALOG = LIST_OF_REPOSITORIES


@dataclass(frozen=True, slots=True)
class Listing:
    """Repositories to read, sorted; `named` are those that only the configuration names."""

    repositories: tuple[str, ...]
    named: frozenset[str] = frozenset()
    gap: Gap | None = None


async def list_repositories(
    reader: Reader, settings: RegistrySettings, in_use: Iterable[str] = (), vendor: VendorBeside | None = None
) -> Listing:
    """Ask the vendor's API where there is one, else `_catalog`; fall back where a registry has none or hides it.

    GHCR, Docker Hub and Quay answer 401, 404 or an empty list. Then the repositories of the configuration and
    those that clusters use (`in_use`) are read. A gap is left where nothing tells what there is, and where the
    catalog failed in a way that can pass: then the list may lack anything.
    """
    told = await vendor.repositories() if vendor is not None else None
    names = set(told.names) if told is not None else set()
    gap = told.gap if told is not None else None
    if told is None or (gap is not None and not names):
        catalog, why = await _catalog(reader, settings, in_use := tuple(in_use))
        names, gap = catalog, gap or why
    listed = frozenset(names)
    names.update(settings.repositories)
    if not listed or (told is not None and gap is not None):
        names.update(in_use)
        if not names and gap is None:
            gap = Gap(
                CATALOG,
                "missing",
                f"{reader.connection.label} lists no repository at all; if it holds some, name them in `repositories`",
                excused=True,
            )
    include, exclude = compile_globs(settings.include), compile_globs(settings.exclude)
    chosen = sorted(name for name in names if include.matches(name) and not exclude.matches(name))
    return Listing(tuple(chosen), frozenset(settings.repositories) - listed, gap)


async def _catalog(reader: Reader, settings: RegistrySettings, in_use: Collection[str]) -> tuple[set[str], Gap | None]:
    """Names of `_catalog`, and the gap where nothing else tells what there is."""
    try:
        return set(await reader.repositories()), None
    except RegistryError as error:
        if error.status is None or not hides_its_list(error):
            return set(), Gap(CATALOG, error.fault, str(error))
        if not settings.repositories and not in_use:
            return set(), Gap(CATALOG, error.fault, f"{error}; name its repositories in `repositories`")
        return set(), None
