"""Which repositories `ls` and `count` read: those that are named, or that the vendor or the registry lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry_core.coverage import Gap
from registry_core.errors import RegistryError
from resources.registry.connection import RegistryConnection
from resources.registry.providers.interface import Provider
from resources.registry.reading import Reader
from resources.registry.refusals import hides_its_list


@dataclass(frozen=True, slots=True)
class Repositories:
    """Names, sorted unless a person named them. `gap` says why there may be more; `notes` what is worth telling."""

    names: tuple[str, ...]
    gap: Gap | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)


def repositories_of(
    connection: RegistryConnection, provider: Provider | None = None, named: Sequence[str] = ()
) -> Repositories:
    """Those named, else all that the vendor's API lists, else all that the registry does, and what the configuration
    names.

    GHCR, Docker Hub and Quay answer 401, 404 or an empty list to `_catalog`: there only the vendor can tell. Raises
    RegistryError where nobody lists them and the configuration names none, ConfigError where a vendor that the
    settings name cannot be asked at all.
    """
    if named:
        return Repositories(tuple(dict.fromkeys(named)))
    told = provider.repositories() if provider is not None else None
    if told is not None and (told.names or told.gap is None):
        return _chosen(connection, told.names, told.gap)
    by_vendor = told.gap if told is not None else None
    listed, gap = _listed_by_registry(connection, by_vendor)
    if by_vendor is None or provider is None or not provider.can_list:
        return _chosen(connection, listed, gap)
    note = f"{by_vendor.detail}; the registry itself was asked instead"
    # A vendor that nobody named, and that refuses, is done without, as the crawl does.
    guessed = provider.by_host and by_vendor.fault in ("forbidden", "missing")
    return _chosen(connection, listed, gap if guessed else gap or by_vendor, note)


def _listed_by_registry(connection: RegistryConnection, by_vendor: Gap | None) -> tuple[Sequence[str], Gap | None]:
    """Names of `_catalog`; nothing where it cannot list and the configuration names what there is."""
    named = connection.settings.repositories
    with connection.engine() as engine:
        try:
            listed = engine.run(Reader(connection, engine).repositories())
        except RegistryError as error:
            if not hides_its_list(error):
                raise
            if not named:
                raise _nobody_lists(str(error), by_vendor, error) from error
            listed = []
    if not listed and not named and by_vendor is not None:
        raise _nobody_lists(f"{connection.label} lists no repository at all", by_vendor)
    return listed, None


def _nobody_lists(what: str, by_vendor: Gap | None, error: RegistryError | None = None) -> RegistryError:
    vendor = f", and {by_vendor.detail}" if by_vendor is not None else ""
    return RegistryError(
        f"{what}{vendor}. Where nobody lists the repositories, name them: with `-r`, or in `repositories` of the"
        " registry's settings",
        fault=error.fault if error is not None else "missing",
        status=error.status if error is not None else None,
        codes=error.codes if error is not None else (),
    )


def _chosen(connection: RegistryConnection, listed: Sequence[str], gap: Gap | None, *notes: str) -> Repositories:
    settings = connection.settings
    names = sorted({*listed, *settings.repositories})
    return Repositories(tuple(_wanted(names, settings.include, settings.exclude)), gap, notes)


def _wanted(repositories: list[str], include: Sequence[str], exclude: Sequence[str]) -> list[str]:
    if tuple(include) == ("**",) and not exclude:
        return repositories
    from registry_core.globs import compile_globs  # pandas, which most calls do without

    wanted, unwanted = compile_globs(include), compile_globs(exclude)
    return [name for name in repositories if wanted.matches(name) and not unwanted.matches(name)]
