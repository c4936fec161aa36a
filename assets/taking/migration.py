"""Make the plan of one migration: choose, look at both registries, write down, check; file it unless the same waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from assets.taking.blob_holders import blob_holders
from assets.taking.copy_choice import located, take_choice
from assets.taking.plan import limits_of
from assets.taking.progress import Progress, Silent
from registry_core.copy_rule import CopyRule, target_names
from registry_core.errors import ConfigError
from registry_core.migration import MigrationBasis, MigrationPlan
from registry_core.migration_check import problems_of
from registry_core.migration_duration import CopyRate, expected_duration
from registry_core.migration_entries import (
    MigrationEntry,
    entry_of,
    entry_without_look,
    image_to_copy,
    without_kept_tags,
)
from registry_core.migration_words import Chosen
from registry_core.retention_evidence import Snapshot
from resources.connections import Connections
from resources.database.ledger_records import UNDECIDED, PlanRecord
from resources.registry.client import RegistryClient
from resources.registry.copying import Copier

#: A waiting plan of which less than this part of its life is over is kept when nothing changed.
_STILL_YOUNG = 0.5


@dataclass(frozen=True)
class MadeMigrationPlan:
    """A plan, how it was filed, and how long it would take.

    `record` is None where the checks forbid it (`problems`). `is_new` is False where the same plan waited and stands.
    """

    plan: MigrationPlan
    problems: tuple[str, ...]
    record: PlanRecord | None
    is_new: bool
    rate: CopyRate | None  #: of earlier copies; None where there were none
    oldest: Snapshot = field(repr=False)

    @property
    def expected(self) -> timedelta | None:
        return expected_duration(self.plan, self.rate)


def migration_rule(connections: Connections, name: str) -> CopyRule:
    """The rule of a migration. Raises ConfigError for a name that the file does not know."""
    migrations = connections.site.migrations
    if name not in migrations:
        raise ConfigError(
            f"no migration is called {name}; configured are: {', '.join(migrations) or 'none'}", subject="migrations"
        )
    return located(connections, migrations[name].rule(name))


def take_migration_plan(
    connections: Connections, name: str, *, run_id: str | None = None, progress: Progress | None = None
) -> MadeMigrationPlan:
    """Make the plan of a migration by the newest evidence and by a look at both registries, and file it.

    A plan with the same entries that waits for a decision and is young stands instead, so that nobody finds the form
    they fill in superseded. Raises ConfigError, IncompleteSnapshot and PlanStale where no plan can be made, and
    RegistryError where one of the registries does not answer at all.
    """
    tell = progress or Silent()
    now = datetime.now(UTC)
    rule, limits = migration_rule(connections, name), limits_of(connections.site)
    choice = take_choice(connections, rule, limits, now=now)
    for registry in (rule.source, rule.destination):
        RegistryClient(connections.registry(registry)).ping()
    destination = connections.history.latest("catalog", rule.destination)
    plan = MigrationPlan(
        MigrationBasis(
            rule=rule,
            as_of=choice.evidence.as_of,
            source=choice.evidence.catalog,
            destination=None if destination is None else Snapshot(str(destination.id), destination.as_of),
            inventories=choice.evidence.inventories,
            max_plan_age=limits.max_plan_age,
        ),
        tuple(look_at_both(connections, rule, choice.chosen, tell)),
    )
    waiting = _waiting(connections, name)
    standing = waiting if waiting is not None and _is_the_same(waiting, plan, now) else None
    plan = standing or plan
    problems = problems_of(plan)
    ledger = connections.history.ledger
    return MadeMigrationPlan(
        plan=plan,
        problems=problems,
        record=None if problems else ledger.save_plan(plan, made_at=now, run_id=run_id),
        is_new=standing is None,
        rate=ledger.copy_rate(name),
        oldest=min((choice.evidence.catalog, *choice.evidence.inventories.values()), key=lambda one: one.as_of),
    )


def look_at_both(
    connections: Connections, rule: CopyRule, chosen: list[Chosen], progress: Progress
) -> Iterator[MigrationEntry]:
    """An entry for each chosen image, in their order: both registries are asked, many images at a time."""
    names, faults = target_names(rule, {one.repository for one in chosen if one.can_be_asked})
    askable = [one for one in chosen if one.can_be_asked and one.repository in names]
    copier = Copier(
        connections.registry(rule.source),
        connections.registry(rule.destination),
        rule.choice,
        holders=blob_holders(connections, rule.destination),
    )
    progress.begin(f"images of {rule.name} looked at", total=len(askable))
    planned = copier.plan_each(
        image_to_copy(one.repository, one.digest or one.tags[0], names[one.repository], one.tags) for one in askable
    )
    for one in chosen:
        if not one.can_be_asked:
            yield entry_without_look(one, names.get(one.repository, one.repository))
        elif one.repository not in names:
            yield entry_without_look(one, "", conflict=faults[one.repository])
        else:
            looked = next(planned)
            progress.advance()
            if looked.word == "conflict" and (rest := without_kept_tags(one, looked)) is not None:
                left, kept = rest
                again = image_to_copy(left.repository, left.digest or left.tags[0], names[one.repository], left.tags)
                (looked,) = copier.plan([again]).images
                looked = replace(looked, detail="; ".join(part for part in (kept, looked.detail) if part))
                one = left
            yield entry_of(one, looked)


def _waiting(connections: Connections, name: str) -> MigrationPlan | None:
    ledger = connections.history.ledger
    records = ledger.plans(name, UNDECIDED, kind="migration", limit=1)
    return ledger.plan(records[0].fingerprint, MigrationPlan).plan if records else None


def _is_the_same(waiting: MigrationPlan, made: MigrationPlan, now: datetime) -> bool:
    young = now - waiting.as_of < _STILL_YOUNG * waiting.max_age
    return young and waiting.entries == made.entries and waiting.rule == made.rule and waiting.max_age == made.max_age
