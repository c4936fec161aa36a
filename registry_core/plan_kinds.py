"""The class of each kind of plan, so that what the ledger holds can be read without knowing what it is."""

from __future__ import annotations

from collections.abc import Mapping

from registry_core.collection import CollectionPlan
from registry_core.cutover import CutoverPlan
from registry_core.errors import Refused
from registry_core.eviction import Plan
from registry_core.migration import MigrationPlan
from registry_core.plan_words import PlanKind
from registry_core.plans import AnyPlan
from registry_core.replication import ReplicationRule

PLAN_CLASSES: Mapping[PlanKind, type[AnyPlan]] = {
    "eviction": Plan,
    "migration": MigrationPlan,
    "cutover": CutoverPlan,
    "replication": ReplicationRule,
    "collection": CollectionPlan,
}


def class_of(kind: str) -> type[AnyPlan]:
    """The class of a kind. Refused where this version does not know it."""
    for known, plan_class in PLAN_CLASSES.items():
        if known == kind:
            return plan_class
    raise Refused(
        f"cannot read a plan of the kind {kind!r}: this version knows {', '.join(PLAN_CLASSES)}; use a newer one"
    )
