"""Which assets automation does not make yet, and for which required evidence each of them waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from assets.taking.copy_choice import evidence_of_rule, unlisted
from assets.taking.plan import basis_of, limits_of
from registry_core.eviction_brakes import faults_of_evidence
from registry_core.limits import Limits
from registry_core.migration_evidence import faults_of_evidence as migration_faults
from registry_core.retention_evidence import Evidence
from registry_core.waiting import Lack, Wait
from resources.configuration.settings import Site
from resources.database.history import History
from resources.database.sightings import SnapshotKind
from resources.database.snapshots import Snapshot

#: Assets of a registry that are kept as a snapshot, and as which kind.
_KEPT_AS: dict[str, SnapshotKind] = {"image_usage": "usage", "health_report": "health"}


def find_waits(site: Site, history: History, now: datetime) -> list[Wait]:
    """Every asset that is made by automation and waits, by the newest snapshots. Raises DatabaseError.

    An asset that can say what it does not know (`replication_status`, and once a cluster was read `deployed_versions`
    and `single_copy_report`) waits for nothing.
    """
    return [*_Looking(site, history, now).waits()]


class _Looking:
    """One look at the newest snapshots of a site."""

    def __init__(self, site: Site, history: History, now: datetime) -> None:
        self._site, self._history, self._now = site, history, now
        self._inventories = {name: history.latest("inventory", name) for name in site.clusters}
        self._catalogs = {name: history.latest("catalog", name) for name in site.registries}

    def waits(self) -> Iterator[Wait]:
        for registry in self._site.registries:
            yield from self._of_registry(registry)
        if self._site.schedules.plan_migrations:
            for migration in self._site.migrations:
                yield from self._of_migration(migration)
        yield from self._of_site()

    def _of_registry(self, registry: str) -> Iterator[Wait]:
        required = [name for name, cluster in self._site.clusters.items() if cluster.required]
        absent = self._never_read(required, registry)
        if absent:
            for asset, kind in _KEPT_AS.items():
                yield Wait(asset, registry, absent, self._since(self._history.latest(kind, registry)))
        if self._site.policies:
            plan = (*absent, *self._unfit(registry, required))
            if plan:
                used = self._history.latest("usage", registry)
                yield Wait("eviction_plan", registry, plan, self._since(used) if absent else None)

    def _unfit(self, registry: str, required: Sequence[str]) -> Iterator[Lack]:
        """What of the evidence of a registry is there and is not fit for an eviction plan."""
        catalog = self._catalogs[registry]
        inventories = {name: basis_of(found) for name in self._inventories if (found := self._inventories[name])}
        if catalog is None or not set(required) <= set(inventories):
            return
        evidence = Evidence(registry, basis_of(catalog), inventories, tuple(required))
        for error in faults_of_evidence(evidence, self._limits, now=self._now):
            yield Lack("evidence", registry, str(error), never_read=False)

    def _of_migration(self, migration: str) -> Iterator[Wait]:
        rule = self._site.migrations[migration].rule(migration)
        absent = self._never_read(rule.selection.in_use, rule.source)
        catalog = self._catalogs[rule.source]
        if catalog is not None and not absent:
            evidence = evidence_of_rule(self._history, rule, catalog)
            found = migration_faults(rule, evidence, self._limits, now=self._now, unlisted=unlisted(evidence))
            absent = tuple(Lack("evidence", migration, str(error), never_read=False) for error in found)
        if absent:
            yield Wait("migration_plan", migration, absent)

    def _of_site(self) -> Iterator[Wait]:
        if self._site.clusters and not any(self._inventories.values()):
            lacks = tuple(Lack.of_never_read("inventory", name) for name in self._inventories)
            for asset in ("deployed_versions", "single_copy_report"):
                yield Wait(asset, None, lacks, self._since(None))

    def _never_read(self, clusters: Sequence[str], registry: str) -> tuple[Lack, ...]:
        absent = [] if self._catalogs[registry] else [Lack.of_never_read("catalog", registry)]
        absent += [Lack.of_never_read("inventory", name) for name in clusters if self._inventories.get(name) is None]
        return tuple(absent)

    def _since(self, made: Snapshot | None) -> datetime | None:
        """When the first evidence was read that came after `made`, and so waits to be used."""
        sources: list[tuple[SnapshotKind, str]] = [
            *(("inventory", name) for name in self._site.clusters),
            *(("catalog", name) for name in self._site.registries),
        ]
        moment = None if made is None else made.as_of
        read = (self._history.first_read_after(kind, name, moment) for kind, name in sources)
        return min((one for one in read if one is not None), default=None)

    @property
    def _limits(self) -> Limits:
        return limits_of(self._site)
