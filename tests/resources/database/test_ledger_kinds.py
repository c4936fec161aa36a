"""Plans of any kind share the ledger: one is not taken for another, and two do not change the same thing at once."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from registry_core import plan_kinds
from registry_core.approval import Approval
from registry_core.errors import ApprovalMissing, Refused
from registry_core.eviction import Plan
from registry_core.plan_words import PlanKind
from resources.database import migrating
from resources.database.connection import Database
from resources.database.history import History
from resources.database.ledger import Ledger
from tests.plans import ANYBODY, NOON, approval_of, approved, claimed, entry, plan_of

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Moving(Plan):
    """An eviction plan in all but its name, so that the ledger meets another kind."""

    kind: ClassVar[PlanKind] = "migration"

    @property
    def touches(self) -> tuple[str, ...]:
        return ("registry other", "registry main")

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "moving": True}

    @classmethod
    def _of(cls, read: Mapping[str, Any]) -> Moving:
        plan = Plan._of(read)
        return cls(**{one.name: getattr(plan, one.name) for one in fields(plan)})

    def second_person_needed(self, today: object = None) -> str | None:
        return "it moves everything"


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> Moving:
    monkeypatch.setattr(plan_kinds, "PLAN_CLASSES", {"eviction": Plan, "migration": Moving})
    plan = plan_of([entry(1)], registry="to the new one")
    return Moving(**{one.name: getattr(plan, one.name) for one in fields(plan)})


def approval(plan: Plan, who: str = "Ada") -> Approval:
    return approval_of(plan, who)


def test_a_plan_is_not_taken_for_one_of_another_kind(ledger: Ledger, moving: Moving) -> None:
    record = ledger.save_plan(moving, made_at=NOON)
    assert (record.kind, record.subject, record.touches) == ("migration", "to the new one", moving.touches)
    with pytest.raises(Refused, match=r"is a migration plan for to the new one, and an eviction plan is asked for"):
        ledger.plan(moving.fingerprint, Plan, now=NOON)
    with pytest.raises(Refused, match="an eviction plan is asked for"):
        ledger.claim(moving.fingerprint, "run", Plan, rules=ANYBODY, holder_is_alive=lambda _: True, now=NOON)
    assert ledger.any_plan(moving.fingerprint, now=NOON).plan == moving


def test_a_kind_that_this_version_does_not_know_is_refused_by_name(
    ledger: Ledger, moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.save_plan(moving, made_at=NOON)
    monkeypatch.setattr(plan_kinds, "PLAN_CLASSES", {"eviction": Plan})
    with pytest.raises(Refused, match="of the kind 'migration': this version knows eviction"):
        ledger.any_plan(moving.fingerprint, now=NOON)


def test_plans_of_different_kinds_do_not_supersede_each_other(ledger: Ledger, moving: Moving) -> None:
    same_name = plan_of([entry(1)], registry=moving.subject)
    ledger.save_plan(same_name, made_at=NOON)
    ledger.save_plan(moving, made_at=NOON + HOUR)
    assert {record.state for record in ledger.plans(now=NOON)} == {"waiting"}
    assert [record.kind for record in ledger.plans(kind="migration", now=NOON)] == ["migration"]


def test_each_kind_says_itself_whether_it_needs_a_second_person(ledger: Ledger, moving: Moving) -> None:
    ledger.save_plan(moving, made_at=NOON)
    assert ledger.file_decision(approval(moving), ANYBODY).state == "waiting"
    assert "it moves everything" in ledger.record(moving.fingerprint, now=NOON).why
    assert ledger.file_decision(approval(moving, "Bo"), ANYBODY).state == "approved"
    assert [record.fingerprint for record in ledger.ready("migration", now=NOON + HOUR)] == [moving.fingerprint]
    assert ledger.ready("eviction", now=NOON + HOUR) == []


def test_the_words_of_a_refusal_are_those_of_the_kind(ledger: Ledger, moving: Moving) -> None:
    ledger.save_plan(moving, made_at=NOON)
    with pytest.raises(ApprovalMissing, match="says that 7 images are copied and the plan holds 1"):
        ledger.file_decision(replace(approval(moving), count=7), ANYBODY)


def test_two_kinds_do_not_change_the_same_registry_at_once(ledger: Ledger, moving: Moving) -> None:
    claimed(ledger, approved(ledger, plan_of([entry(1)])))
    ledger.save_plan(moving, made_at=NOON)
    for who in ("Ada", "Bo"):
        ledger.file_decision(approval(moving, who), ANYBODY)

    def claim(alive: bool) -> None:
        ledger.claim(moving.fingerprint, "run 2", Moving, rules=ANYBODY, holder_is_alive=lambda _: alive,
                     now=NOON + 2 * HOUR)  # fmt: skip

    with pytest.raises(Refused, match=r"the run run 1 works on an eviction plan \(.*\) for the same registry main"):
        claim(alive=True)
    claim(alive=False)


def test_what_an_older_version_kept_is_there_after_the_migration(url: str) -> None:
    database, plan = Database(url), plan_of([entry(1), entry(2)])
    _migrate(database, "0003")
    with database.writing("fill as version 0003 did") as connection:
        for statement, values in _as_version_0003(plan):
            connection.execute(sa.text(statement), values)
    ledger = History.open(url).ledger
    record = ledger.record(plan.fingerprint, now=NOON)
    assert (record.kind, record.subject, record.state) == ("eviction", "main", "waiting")
    assert (record.counted, record.entry_count, record.figures["tags"]) == (2, 2, 2)
    assert ledger.plan(plan.fingerprint, Plan, now=NOON).plan == plan
    (kept,) = ledger.approvals(plan.fingerprint)
    assert kept.who == "Ada"
    (line,) = ledger.lines(plan.fingerprint)
    assert (line.tags, str(line.outcome)) == (("v1",), "deleted")
    # What is filed next does not collide with what was there.
    assert ledger.file_decision(approval(plan, "Bo"), ANYBODY).state == "approved"
    assert [one.who for one in ledger.approvals(plan.fingerprint)] == ["Ada", "Bo"]


def _migrate(database: Database, version: str) -> None:
    with database.writing("migrate") as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(migrating._MIGRATIONS))
        command.upgrade(config, version)


def _as_version_0003(plan: Plan) -> list[tuple[str, dict[str, Any]]]:
    micros = int(NOON.timestamp() * 1_000_000)
    name = {"fingerprint": plan.fingerprint}
    return [
        (
            "INSERT INTO eviction_plans (fingerprint, registry, state, made_at, as_of, good_until, images, tags,"
            " image_bytes, stored_images, repositories, claim_number, why) VALUES (:fingerprint, 'main', 'waiting',"
            " :at, :at, :later, 2, 2, 200, 1000, 1, 0, '')",
            {**name, "at": micros, "later": micros + 24 * 3600 * 1_000_000},
        ),
        (
            "INSERT INTO eviction_plan_documents VALUES (:fingerprint, :document)",
            {**name, "document": zlib.compress(plan.to_bytes())},
        ),
        (
            "INSERT INTO eviction_approvals (fingerprint, decision, who, decided_at, reason, image_count, expires_at)"
            " VALUES (:fingerprint, 'approve', 'Ada', :at, 'space', 2, :at)",
            {**name, "at": micros},
        ),
        (
            "INSERT INTO eviction_journal (fingerprint, position, kind, repository, digest, tags, referrers, outcome,"
            " why, run_id) VALUES (:fingerprint, 0, 'delete', 'team/app', 'sha256:1', :tags, '[]', 'deleted', '', 'r')",
            {**name, "tags": json.dumps(["v1"])},
        ),
    ]
