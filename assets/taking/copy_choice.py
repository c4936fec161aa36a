"""What a copy rule takes now: by the newest catalog of its source, and by who uses what of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from registry_core.catalog import CatalogFrames
from registry_core.copy_rule import CopyRule
from registry_core.coverage import Gap
from registry_core.errors import ConfigError, IncompleteSnapshot
from registry_core.inventory import INVENTORY_COLUMNS
from registry_core.limits import Limits
from registry_core.migration_choice import choose
from registry_core.migration_evidence import refuse_bad_evidence
from registry_core.migration_words import Chosen, chosen_images
from registry_core.retention_evidence import Evidence, Snapshot
from registry_core.usage import UsageFrames, join_usage
from resources.connections import Connections
from resources.database import snapshots
from resources.database.history import History
from resources.registry.crawling.listing import CATALOG


@dataclass(frozen=True)
class TakenChoice:
    """The images of one rule, and the evidence that they were chosen by: the catalog of the source, and the
    inventories of the clusters that the rule names."""

    chosen: list[Chosen] = field(repr=False)
    evidence: Evidence


def located(connections: Connections, rule: CopyRule) -> CopyRule:
    """The rule with the addresses that the configuration has now for its registries. Raises ConfigError for a registry
    that it does not know."""
    source, destination = (connections.registry_settings(name) for name in (rule.source, rule.destination))
    return rule.located(source.url, destination.url)


def take_choice(connections: Connections, rule: CopyRule, limits: Limits, *, now: datetime) -> TakenChoice:
    """Choose. Raises IncompleteSnapshot and PlanStale where the evidence is not fit for it, ConfigError for a selection
    that cannot be read."""
    history = connections.history
    stored = history.latest("catalog", rule.source)
    if stored is None:
        raise IncompleteSnapshot(
            f"no plan for {rule.name}: {rule.source} has no catalog yet; materialize registry_catalog of {rule.source}"
            " (or run `registry-pipelines catalog`)"
        )
    evidence = evidence_of_rule(history, rule, stored)
    gaps = evidence.catalog.coverage.gaps
    refuse_bad_evidence(rule, evidence, limits, now=now, unlisted=unlisted(evidence))
    catalog = history.read_catalog(rule.source, at=stored)
    read = [cluster for cluster in connections.site.clusters if history.latest("inventory", cluster) is not None]
    usage = _usage(connections, rule.source, catalog, read, gaps)
    try:
        choice = choose(rule.selection, catalog, usage, evidence)
    except ValueError as error:
        raise ConfigError(str(error), subject=f"migrations.{rule.name}.what") from error
    return TakenChoice(chosen_images(choice, [gap for gap in gaps if gap.place != CATALOG]), evidence)


def evidence_of_rule(history: History, rule: CopyRule, catalog: snapshots.Snapshot) -> Evidence:
    """What a rule is judged by: a catalog of its source, and the newest inventories of the clusters that it names."""
    newest = {cluster: history.latest("inventory", cluster) for cluster in rule.selection.in_use}
    return Evidence(
        registry=rule.source,
        catalog=_snapshot(catalog),
        inventories={name: _snapshot(found) for name, found in newest.items() if found is not None},
        required=rule.selection.in_use,
        history_began_at=history.began_at(rule.source),
    )


def unlisted(evidence: Evidence) -> Gap | None:
    """The gap in the list of repositories of a catalog; None where it came whole."""
    return next((gap for gap in evidence.catalog.coverage.gaps if gap.place == CATALOG), None)


def _usage(
    connections: Connections, registry: str, catalog: CatalogFrames, clusters: list[str], gaps: tuple[Gap, ...]
) -> UsageFrames:
    """Who uses what of the registry, by every inventory that there is: a plan says who uses an image also where that
    is not why it is copied."""
    site = connections.site
    none = pd.DataFrame(columns=[*INVENTORY_COLUMNS, "first_seen_at", "last_seen_at"])
    return join_usage(
        connections.history.read_inventories(clusters) if clusters else none,
        catalog,
        names=site.directory.names_of(registry),
        environment_of=site.environment_of,
        unread={"*" if gap.place == CATALOG else gap.place: gap for gap in gaps},
    )


def _snapshot(stored: snapshots.Snapshot) -> Snapshot:
    return Snapshot(id=str(stored.id), as_of=stored.as_of, coverage=stored.coverage)
