"""Who uses one image: the question of a person who is about to delete it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import pandas as pd

from assets.taking.evidence import Evidence, gather_evidence
from assets.taking.usage import join_evidence
from registry_core.catalog import CatalogFrames
from registry_core.coverage import Coverage
from registry_core.errors import ConfigError
from registry_core.manifest_graph import ManifestGraph
from registry_core.references import Reference
from resources.configuration.settings import Site
from resources.connections import Connections

#: How a used image relates to the one that was asked about.
RELATIONS = ("itself", "its index", "its child", "its referrer or subject")


@dataclass(frozen=True)
class UseOfImage:
    """The answer: `uses` are USAGE_COLUMNS and `relation`; `digests` are what the image resolves to (none: it is
    not stored); `last_used_at` is known when no workload uses it now and one did before.

    `reference` is what was asked for, in the registry's own names; without tag and digest it is a whole repository.
    """

    registry: str
    reference: Reference
    digests: tuple[str, ...]
    uses: pd.DataFrame = field(repr=False)
    unresolved: pd.DataFrame = field(repr=False)
    coverage: Coverage = field(repr=False)
    last_used_at: datetime | None = None


def use_of_image(connections: Connections, image: str) -> UseOfImage:
    """Who uses `image` by the newest evidence, through indexes and children too.

    `image` is a reference by tag or digest; with neither it means every image of the repository.

    Raises InvalidReference, ConfigError for a host that no registry of the site has, IncompleteSnapshot where
    nothing was read yet.
    """
    registry, reference = registry_of_image(connections.site, image)
    evidence = gather_evidence(connections, registry)
    frames = join_evidence(connections, evidence)
    is_image = reference.tag is not None or reference.digest is not None
    digests = (
        digests_of_reference(evidence.catalog, reference)
        if is_image
        else _digests_of_repository(evidence.catalog, reference.repository)
    )
    related = _related(evidence, reference.repository, digests)
    uses = frames.usage.assign(relation=frames.usage["digest"].map(related))
    uses = uses[uses["relation"].notna() & uses["repository"].eq(reference.repository)]
    unresolved = frames.unresolved[frames.unresolved["repository"].eq(reference.repository)]
    unresolved = unresolved[_same_name(unresolved, reference)]
    last_used = connections.history.last_used(registry, reference.repository)
    last_used = last_used[last_used["digest"].isin(list(related))]
    return UseOfImage(
        registry=registry,
        reference=reference,
        digests=digests,
        uses=uses.reset_index(drop=True),
        unresolved=unresolved.reset_index(drop=True),
        coverage=evidence.coverage,
        last_used_at=None if last_used.empty else last_used["last_seen_at"].max().to_pydatetime(),
    )


def registry_of_image(site: Site, image: str) -> tuple[str, Reference]:
    """The configured registry that a reference means, and the reference with the names that it has there, whoever wrote
    others before them. Raises InvalidReference, ConfigError where no registry has its host."""
    reference = Reference.parse(image)
    home = site.directory.original(reference.registry, reference.repository)
    if home.registry is None:
        known = ", ".join(name for settings in site.registries.values() for name in settings.names)
        raise ConfigError(
            f"no registry is configured for {reference.registry}; known are {known or 'none'}", subject=image
        )
    return home.registry, replace(reference, registry=home.host, repository=home.repository)


def digests_of_reference(catalog: CatalogFrames, reference: Reference) -> tuple[str, ...]:
    """What a reference resolves to in a catalog; empty where it is not stored."""
    if reference.digest is not None:
        images = catalog.images
        stored = images["repository"].eq(reference.repository) & images["digest"].eq(reference.digest)
        return (reference.digest,) if stored.any() else ()
    tags = catalog.tags
    wanted = tags["repository"].eq(reference.repository) & tags["tag"].eq(reference.tag or "latest")
    return tuple(sorted(tags.loc[wanted & tags["digest"].notna(), "digest"].unique()))


def _digests_of_repository(catalog: CatalogFrames, repository: str) -> tuple[str, ...]:
    images = catalog.images
    return tuple(sorted(images.loc[images["repository"].eq(repository), "digest"].unique()))


def _related(evidence: Evidence, repository: str, digests: tuple[str, ...]) -> dict[str, str]:
    """How every image of the repository that hangs together with these relates to them."""
    images = evidence.catalog.images
    graph = ManifestGraph.of(evidence.catalog)
    rows = graph.rows_of(digests, repository=repository)
    found: dict[str, str] = {}
    for relation, mask in (
        (RELATIONS[3], graph.closure(rows, down=True, up=True, referrers=True)),
        (RELATIONS[2], graph.closure(rows, down=True, up=False, referrers=False)),
        (RELATIONS[1], graph.closure(rows, down=False, up=True, referrers=False)),
    ):
        found.update(dict.fromkeys(images.loc[mask, "digest"], relation))
    found.update(dict.fromkeys(digests, RELATIONS[0]))
    return found


def _same_name(unresolved: pd.DataFrame, reference: Reference) -> pd.Series[bool]:
    if reference.digest is not None:
        return unresolved["digest"].eq(reference.digest)
    if reference.tag is not None:
        return unresolved["tag"].eq(reference.tag)
    return unresolved["repository"].notna()
