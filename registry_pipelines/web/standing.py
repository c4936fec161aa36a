"""What the history knows now, read for monitoring: evidence, troubles, documents, figures.

Reading is blocking and belongs in a thread. What was worked out is kept until a newer snapshot is stored, so that
a scrape of an unchanged history costs a few look-ups of snapshots, however large the inventories are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import pandas as pd

from assets.taking.believed import newest_believed
from assets.taking.waiting import find_waits
from registry_core.monitoring_evidence import SourceEvidence
from registry_core.monitoring_images import images_document
from registry_core.monitoring_troubles import RegistryReport, Trouble, find_troubles
from registry_core.monitoring_uses import Ground, ground_of_environment
from registry_core.waiting import Wait
from registry_pipelines.web.figures import RegistryFigures, count_registry
from resources.configuration.settings import Site
from resources.database.history import History
from resources.database.sightings import SnapshotKind
from resources.database.snapshots import Snapshot
from resources.database.totals import Totals, TotalsReader

_OF_REGISTRIES: tuple[SnapshotKind, ...] = ("catalog", "usage", "health")

#: How long what was counted of plans and journals is told again.
TOTALS_KEPT = timedelta(seconds=30)

Newest = Mapping[tuple[SnapshotKind, str], Snapshot | None]


@dataclass(frozen=True)
class Known:
    """All that can be told from one set of snapshots. Documents are made when first asked for, then kept."""

    inventory: pd.DataFrame | None = field(repr=False)  #: INVENTORY_COLUMNS; None: no cluster was read yet
    reports: tuple[tuple[str, RegistryReport], ...] = field(repr=False)
    figures: Mapping[str, RegistryFigures]
    troubles: tuple[Trouble, ...] | None  #: None: a source is missing, so nothing can be said yet
    newest: Newest = field(repr=False)

    @cached_property
    def images_json(self) -> bytes | None:
        """The body of `/_images.json`; None before any inventory."""
        if self.inventory is None:
            return None
        as_of = {source: one.as_of for (kind, source), one in self.newest.items() if kind == "inventory" and one}
        return _json(images_document(self.inventory, as_of))

    @cached_property
    def report_json(self) -> bytes | None:
        """The body of `/_report.json`; None before the first report."""
        return None if self.troubles is None else _json([trouble.to_row() for trouble in self.troubles])


@dataclass(frozen=True)
class Standing:
    """One look at the history: how good its evidence is, and what it says."""

    sources: tuple[SourceEvidence, ...]
    known: Known
    totals: Totals = field(default_factory=Totals, repr=False)
    registries: tuple[str, ...] = ()  #: those that are configured
    waits: tuple[Wait, ...] = ()  #: what automation does not make, because required evidence is not there


class Reader:
    """Looks at the history of one site. Not for several threads at once."""

    def __init__(self, site: Site, history: History, *, totals_kept: timedelta = TOTALS_KEPT) -> None:
        self._site = site
        self._history = history
        self._known: Known | None = None
        self._counting: TotalsReader | None = None
        self._totals_kept = totals_kept
        self._totals: tuple[datetime, Totals] | None = None

    def look(self) -> Standing:
        """The newest standing. Raises DatabaseError."""
        newest = self._newest()
        if self._known is None or _ids(self._known.newest) != _ids(newest):
            self._known = self._work_out(newest)
        return Standing(
            self._sources(newest),
            self._known,
            self._count(),
            tuple(self._site.registries),
            tuple(find_waits(self._site, self._history, datetime.now(UTC))),
        )

    def ground_of(self, cluster: str, namespace: str) -> Ground:
        """Where a namespace stands, by the configured environments and their severities."""
        environment = self._site.environment_of(cluster, namespace)
        return ground_of_environment(environment, self._site.severity_of(environment))

    def _count(self) -> Totals:
        """What was done, counted at most every half minute: journals are long."""
        now = datetime.now(UTC)
        if self._totals is None or now - self._totals[0] >= self._totals_kept:
            self._counting = self._counting or self._history.totals_reader()
            self._totals = now, self._counting.read(now=now)
        return self._totals[1]

    def _newest(self) -> Newest:
        latest = self._history.latest
        return {
            **{("inventory", name): latest("inventory", name) for name in self._site.clusters},
            **{(kind, name): latest(kind, name) for name in self._site.registries for kind in _OF_REGISTRIES},
        }

    def _sources(self, newest: Newest) -> tuple[SourceEvidence, ...]:
        """Usage and health say themselves how whole their basis was; that is judged once, at the basis."""
        limits, found = self._site.limits, []
        for (kind, name), snapshot in newest.items():
            whole = snapshot
            if kind in ("inventory", "catalog") and snapshot is not None and not snapshot.complete:
                whole = newest_believed(self._history, kind, name, max_unread_share=limits.max_unread_share)
            found.append(
                SourceEvidence(
                    kind=kind,
                    source=name,
                    read_at=snapshot.as_of if snapshot else None,
                    whole_at=whole.as_of if whole else None,
                    max_age=limits.max_inventory_age if kind == "inventory" else limits.max_catalog_age,
                    needed=kind != "inventory" or self._site.clusters[name].required,
                    gaps=snapshot.coverage.unexcused if snapshot and kind in ("inventory", "catalog") else (),
                )
            )
        return tuple(found)

    def _work_out(self, newest: Newest) -> Known:
        clusters = [name for name in self._site.clusters if newest["inventory", name] is not None]
        inventory = self._history.read_inventories(clusters) if clusters else None
        reports = tuple(
            (name, self._report(name))
            for name in self._site.registries
            if newest["usage", name] is not None and newest["health", name] is not None
        )
        told = inventory is not None and reports
        return Known(
            inventory=inventory,
            reports=reports,
            figures=self._figures(newest),
            troubles=find_troubles(inventory, [report for _, report in reports], self.ground_of)
            if inventory is not None and told
            else None,
            newest=newest,
        )

    def _report(self, registry: str) -> RegistryReport:
        return RegistryReport(
            names=self._site.directory.names_of(registry),
            findings=self._history.read_findings(registry),
            usage=self._history.read_usage(registry),
        )

    def _figures(self, newest: Newest) -> Mapping[str, RegistryFigures]:
        """Catalogs are the largest things to read, so each is counted once and its frames let go."""
        before = self._known
        found = {}
        for name in self._site.registries:
            snapshot = newest["catalog", name]
            if snapshot is None:
                continue
            same = before is not None and before.newest["catalog", name] == snapshot
            found[name] = (
                before.figures[name]
                if before is not None and same
                else count_registry(self._history.read_catalog(name))
            )
        return found


def _ids(newest: Newest) -> list[int | None]:
    return [None if snapshot is None else snapshot.id for snapshot in newest.values()]


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
