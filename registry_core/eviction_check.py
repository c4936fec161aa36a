"""Check a plan against facts, in another way than it was made: what the blocking asset checks ask.

Retention decides by reasons; this looks at the finished plan and the graph only, so that a mistake there is
found here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from registry_core.eviction import Plan
from registry_core.eviction_brakes import broken_limits, faults_of_evidence
from registry_core.retention_closure import stays_with
from registry_core.retention_facts import Facts
from registry_core.retention_names import Names
from registry_core.retention_nodes import Array

Check = Literal["nothing in use", "nothing of a kept image", "evidence complete and fresh", "within limits"]


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """One thing that forbids to carry a plan out: the check that failed, and a sentence."""

    check: Check
    message: str


def check_plan(plan: Plan, facts: Facts, *, now: datetime) -> tuple[PlanProblem, ...]:
    """Hold a plan against facts: those that it was made from, or newer ones of the same registry.

    An empty answer means that every check passed. A planned image that the catalog no longer holds is no
    problem: there is nothing to lose.
    """
    return (
        *_in_use(plan, facts),
        *_of_kept(plan, facts),
        *(
            PlanProblem("evidence complete and fresh", str(error))
            for error in faults_of_evidence(facts.evidence, plan.basis.limits, now=now)
        ),
        *(
            PlanProblem("within limits", str(error))
            for error in broken_limits(
                plan.basis.limits,
                images_in_use=facts.use.images_in_use,
                evicted=plan.images,
                stored=plan.stored_images,
            )
        ),
    )


def _planned(plan: Plan, facts: Facts) -> Array:
    entries = [entry for entry in plan.entries if entry.kind == "delete"]
    rows = facts.nodes.graph.rows_at(
        pd.Series([entry.repository for entry in entries], dtype=object),
        pd.Series([entry.digest for entry in entries], dtype=object),
    )
    planned = np.zeros(len(facts.nodes), dtype=bool)
    planned[rows[rows >= 0]] = True
    return planned


def _in_use(plan: Plan, facts: Facts) -> Iterator[PlanProblem]:
    names = Names(facts)
    for row in np.flatnonzero(_planned(plan, facts) & facts.use.images).tolist():
        yield PlanProblem("nothing in use", f"{_name(facts, names, row)} is {names.in_use(row)}; make a new plan")
    yield from _named(plan, facts)


def _named(plan: Plan, facts: Facts) -> Iterator[PlanProblem]:
    """Single tags by which a workload asks for an image."""
    going = {(entry.repository, tag) for entry in plan.entries if entry.kind == "untag" for tag in entry.tags}
    if not going:
        return
    tags = facts.nodes.catalog.tags.iloc[np.flatnonzero(facts.naming.tags >= 0)]
    for repository, tag in sorted(going.intersection(zip(tags["repository"], tags["tag"], strict=True))):
        yield PlanProblem("nothing in use", f"a workload names {repository}:{tag}; make a new plan")


def _of_kept(plan: Plan, facts: Facts) -> Iterator[PlanProblem]:
    names, planned = Names(facts), _planned(plan, facts)
    bound = planned & stays_with(facts, facts.shape.stored & ~planned)
    for row in np.flatnonzero(bound).tolist():
        yield PlanProblem(
            "nothing of a kept image",
            f"{_name(facts, names, row)} belongs to an image that stays, or one that stays refers to it;"
            " make a new plan",
        )


def _name(facts: Facts, names: Names, row: int) -> str:
    return f"{facts.nodes.names[facts.nodes.repository[row]]}@{names.digest[row]}"
