"""Make the collection plan of one registry: what its evictions left, what freeing it takes, and how it is done."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from assets.taking.plan import limits_of
from assets.taking.uncollected import bytes_to_collect, find_uncollected
from registry_core.collection import CollectionPlan, CollectionWay
from registry_core.errors import IncompleteSnapshot, Refused
from registry_core.retention_evidence import Snapshot
from resources.configuration.eviction_settings import CollectionSettings
from resources.connections import Connections
from resources.database.ledger_records import UNDECIDED, PlanRecord

DISTRIBUTION_COMMAND = "registry garbage-collect /etc/docker/registry/config.yml"

#: A waiting plan of which less than this part of its life is over is kept when nothing changed.
_STILL_YOUNG = 0.5


@dataclass(frozen=True)
class MadeCollectionPlan:
    """A plan and how it was filed. `record` is None where there is nothing to collect and nothing waits; `is_new` is
    False where the same plan was waiting already and stands."""

    plan: CollectionPlan
    record: PlanRecord | None
    is_new: bool


def collection_way(settings: CollectionSettings) -> CollectionWay:
    """How the configuration wants it done, written down as a plan keeps it."""
    if settings.through == "harbor":
        return CollectionWay("harbor")
    container = f", container {settings.container}" if settings.container else ""
    return CollectionWay(
        "pod",
        place=f"the pod {settings.pod_selector} of {settings.namespace} in the cluster {settings.cluster}{container}",
        command=settings.command,
        storage=settings.storage,
        allow_pushes=settings.allow_pushes,
    )


def take_collection_plan(connections: Connections, registry: str, *, run_id: str | None = None) -> MadeCollectionPlan:
    """Make the plan and file it; one with nothing to collect only to supersede one that waits.

    The same plan that waits for a decision and is young stands instead. Raises Refused where no `collection` is
    configured, IncompleteSnapshot where no catalog was taken yet.
    """
    settings = connections.registry_settings(registry).collection
    if settings is None:
        raise Refused(f"no `collection` is configured for {registry}. {how_to_collect(connections, registry)}")
    now = datetime.now(UTC)
    catalog = connections.history.latest("catalog", registry)
    if catalog is None:
        raise IncompleteSnapshot(f"nobody knows yet what {registry} holds: materialize registry_catalog first")
    uncollected = find_uncollected(connections, registry)
    limits, quarantine = limits_of(connections.site), connections.registry_settings(registry).quarantine
    images = sum(entry.images for entry in uncollected)
    plan = CollectionPlan(
        registry=registry,
        way=collection_way(settings),
        as_of=now,
        catalog=Snapshot(id=str(catalog.id), as_of=catalog.as_of),
        expected_bytes=bytes_to_collect(connections, registry, frozenset().union(*uncollected.values())),
        max_plan_age=limits.max_plan_age,
        entries=tuple(uncollected),
        kept_for=None if quarantine is None else quarantine.keep,
        second_person=limits.needs_second_person(images=images, share=0),
    )
    ledger = connections.ledger
    waiting = ledger.plans(registry, UNDECIDED, kind="collection", limit=1)
    standing = ledger.plan(waiting[0].fingerprint, CollectionPlan).plan if waiting else None
    if standing is not None and standing.is_the_same_as(plan) and now - standing.as_of < _STILL_YOUNG * plan.max_age:
        return MadeCollectionPlan(standing, waiting[0], is_new=False)
    if not plan.entries and (standing is None or not standing.entries):
        return MadeCollectionPlan(plan, None, is_new=True)
    return MadeCollectionPlan(plan, ledger.save_plan(plan, made_at=now, run_id=run_id), is_new=True)


@dataclass(frozen=True, slots=True)
class CollectionAdvice:
    """What only a collection frees of what one plan deleted, and how that is done."""

    frees_bytes: int
    how: str


def collection_advice(connections: Connections, registry: str, journal: pd.DataFrame) -> CollectionAdvice:
    """For the journal of an eviction (JOURNAL_COLUMNS). Reads the manifest of every stored image."""
    deleted = journal[journal["outcome"].eq("deleted") & journal["kind"].eq("delete") & journal["restored_at"].isna()]
    gone = frozenset(zip(deleted["repository"], deleted["digest"], strict=True))
    return CollectionAdvice(bytes_to_collect(connections, registry, gone), how_to_collect(connections, registry))


def how_to_collect(connections: Connections, registry: str) -> str:
    """What a person does to free the bytes, with the exact command for distribution."""
    settings = connections.registry_settings(registry).collection
    if settings is None:
        return (
            f"For distribution: make the registry read-only (`storage.maintenance.readonly.enabled: true`), run"
            f" `{DISTRIBUTION_COMMAND}` where it runs, and start it again. Leave out `--delete-untagged`: it takes"
            " parts of multi-platform images. Other registries collect by themselves or in their own administration."
        )
    plan = f"Materialize `collection_plan` of {registry}, or `registry-pipelines collect {registry}`, and approve it"
    if settings.through == "harbor":
        return f"{plan}: Harbor collects, asked through its API."
    container = f" -c {settings.container}" if settings.container else ""
    return (
        f"{plan}. By hand: `kubectl exec -n {settings.namespace} $(kubectl get pods -n {settings.namespace} -l"
        f" {settings.pod_selector} -o name){container} -- {shlex.join(settings.command)}` in the cluster"
        f" {settings.cluster}, while nobody pushes."
    )
