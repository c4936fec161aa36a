"""Bring together who uses which stored image of a registry, and save it."""

from __future__ import annotations

from assets.taking.evidence import Evidence, gather_evidence
from registry_core.usage import UsageFrames, join_usage
from resources.connections import Connections
from resources.database.derived import Derivation
from resources.database.snapshots import Snapshot


def join_evidence(connections: Connections, evidence: Evidence) -> UsageFrames:
    """Usage by the evidence, under the names that workloads give to this registry."""
    site = connections.site
    return join_usage(
        evidence.inventory,
        evidence.catalog,
        names=site.directory.names_of(evidence.registry),
        environment_of=site.environment_of,
        unread=evidence.unread,
    )


def take_usage(
    connections: Connections, registry: str, *, run_id: str | None = None
) -> tuple[Snapshot, UsageFrames, Evidence]:
    """Join the newest evidence about `registry` and save the result. Raises IncompleteSnapshot where none is."""
    evidence = gather_evidence(connections, registry)
    frames = join_evidence(connections, evidence)
    made = Derivation(evidence.as_of, evidence.basis, evidence.coverage, run_id)
    return connections.history.save_usage(registry, frames.usage, made), frames, evidence
