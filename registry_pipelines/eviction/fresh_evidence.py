"""The evidence of the last look: inventories taken now, the catalog that was planned by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from assets.taking.evidence import Evidence, gather_evidence
from assets.taking.inventory import take_inventory
from assets.taking.progress import Progress
from assets.taking.usage import join_evidence
from registry_core.errors import IncompleteSnapshot, LimitExceeded, PlanStale
from registry_core.eviction import Plan
from registry_core.policy_spans import print_age, print_span
from resources.connections import Connections
from resources.database.snapshots import Snapshot, SnapshotSuperseded

Clock = Callable[[], datetime]


def take_fresh_evidence(
    connections: Connections, plan: Plan, *, run_id: str, clock: Clock, progress: Progress
) -> Evidence:
    """Take the inventory of every required cluster (of none required: of all) and gather what is known.

    Raises ClusterError, IncompleteSnapshot and PlanStale where the use of images is not known well enough, and
    LimitExceeded where fewer images are in use than is to be believed.
    """
    clusters = connections.site.clusters
    required = [name for name, settings in clusters.items() if settings.required] or list(clusters)
    unknown = sorted(set(plan.basis.inventories) - set(clusters))
    if unknown:
        raise PlanStale(
            f"the plan {plan.fingerprint[:12]} stands on the inventory of {', '.join(unknown)}, which is not configured"
            " any more; make a new plan"
        )
    if not required:
        raise IncompleteSnapshot("no cluster is configured, so nobody knows what is in use; name one in `clusters`")
    limit = plan.basis.limits.max_inventory_age
    for cluster in required:
        snapshot = _fresh_inventory(connections, cluster, run_id=run_id, progress=progress)
        if not snapshot.complete:
            raise IncompleteSnapshot(
                f"nothing is deleted: the inventory of {cluster} is {snapshot.coverage.summary()}; repair that and"
                " start this plan again"
            )
        age = clock() - snapshot.as_of
        if age > limit:
            raise PlanStale(
                f"nothing is deleted: what {cluster} tells is {print_age(age)} old and limits.max_inventory_age is"
                f" {print_span(limit)}; bring it up to date and start this plan again"
            )
    evidence = gather_evidence(connections, plan.basis.registry)
    in_use, least = join_evidence(connections, evidence).images_in_use, plan.basis.limits.min_images_in_use
    if in_use < least:
        raise LimitExceeded(
            f"nothing is deleted: {in_use:,} stored images are in use now and limits.min_images_in_use is {least:,}, so"
            " the inventory is not believed; look at image_usage first"
        )
    return evidence


def _fresh_inventory(connections: Connections, cluster: str, *, run_id: str, progress: Progress) -> Snapshot:
    """An inventory taken now; where another run has stored a newer one meanwhile, that one."""
    try:
        return take_inventory(connections, cluster, progress=progress, run_id=run_id)
    except SnapshotSuperseded:
        newest = connections.history.latest("inventory", cluster)
        if newest is None:
            raise
        return newest
