"""Kinds of plans, and how a person is told of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

PlanKind = Literal["eviction", "migration", "cutover", "collection", "replication"]

PLAN_KINDS: tuple[PlanKind, ...] = get_args(PlanKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWords:
    """Words for one kind of plan, for sentences and forms."""

    article: str  #: `an eviction plan`
    subject: str  #: what a plan is for one of, also the tag of its runs
    noun: str  #: what `counted` counts, one of it; the form asks for `<noun>s`
    happens: str  #: what happens to them: `12 images go`
    done: str  #: what would have been done: `Nothing is deleted.`
    title: str  #: of what is carried out: `Eviction from main is done`
    command: str  #: that carries one out: `registry-pipelines plan execute`
    stands: bool = False  #: of no age, and not used up: a rule, rather than a plan

    @property
    def field(self) -> str:
        """The key of the form in which an approver types the number again."""
        return f"{self.noun}s"

    def count(self, number: int) -> str:
        """`1 image`, `12 images`."""
        return f"{number:,} {self.noun}{'' if number == 1 else 's'}"


PLAN_WORDS: Mapping[PlanKind, PlanWords] = {
    "eviction": PlanWords(
        article="an eviction plan",
        subject="registry",
        noun="image",
        happens="go",
        done="deleted",
        title="Eviction from",
        command="plan execute",
    ),
    "migration": PlanWords(
        article="a migration plan",
        subject="migration",
        noun="image",
        happens="are copied",
        done="copied",
        title="Migration",
        command="migration run",
    ),
    "cutover": PlanWords(
        article="a cut-over plan",
        subject="cutover",
        noun="workload",
        happens="are changed",
        done="changed",
        title="Cut-over",
        command="cutover execute",
    ),
    "replication": PlanWords(
        article="a replication rule",
        subject="replication",
        noun="rule",
        happens="stand",
        done="copied",
        title="Replication",
        command="replication run",
        stands=True,
    ),
    "collection": PlanWords(
        article="a collection plan",
        subject="registry",
        noun="image",
        happens="are collected",
        done="collected",
        title="Collection of",
        command="plan execute",
    ),
}
