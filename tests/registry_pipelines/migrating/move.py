"""A small site that moves: its registry full of kinships to another one; planned, approved, carried out in a line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from assets.taking.catalog import take_catalog
from assets.taking.migration import take_migration_plan
from assets.taking.migration_verification import MigrationVerification, verify_migration
from registry_core.approval import Approval
from registry_core.migration import MigrationPlan
from registry_pipelines.migrating.execution import MigrationExecution, MigrationRun, execute_migration
from tests.registry_pipelines.eviction.estate import HOST, REGISTRY, RULES, Estate

NEW, MOVE = "new", "move"
ALL: dict[str, Any] = {"all": True}


@dataclass
class Move:
    """`estate` is what is moved; `destination` the address of where to."""

    estate: Estate
    destination: str
    source: str = ""  #: address of the source, where that is not the estate's own (a proxy)
    settings: dict[str, Any] = field(default_factory=dict)  #: of the destination
    sections: dict[str, Any] = field(default_factory=dict)  #: of the file

    def configure(self, what: dict[str, Any] | None = None, **migration: Any) -> Move:
        quick = {"retries": 1, "timeout": "30s", "patience": "10s"}
        self.estate.configure(
            registries={
                REGISTRY: {"url": self.source or self.estate.url, "hosts": [HOST], **quick},
                NEW: {"url": self.destination, **quick, **self.settings},
            },
            migrations={MOVE: {"from": REGISTRY, "to": NEW, "what": what or ALL, **migration}},
            **self.sections,
        )
        return self

    def plan(self, *, approved: bool = True, survey: bool = True) -> MigrationPlan:
        """Survey, plan and approve."""
        if survey:
            self.estate.survey()
        with self.estate.connections() as connections:
            made = take_migration_plan(connections, MOVE)
            assert not made.problems
            if approved and made.plan.images:
                self._approve(connections, made.plan)
            return made.plan

    def execute(self, plan: MigrationPlan, run_id: str = "run 1", **changes: Any) -> MigrationExecution:
        values: dict[str, Any] = {"rules": RULES, "holder_is_alive": lambda _: False, **changes}
        with self.estate.connections() as connections:
            return execute_migration(connections, plan.fingerprint, MigrationRun(run_id, **values))

    def move(self) -> MigrationPlan:
        """All of it at once."""
        plan = self.plan()
        self.execute(plan)
        return plan

    def survey_destination(self) -> None:
        with self.estate.connections() as connections:
            take_catalog(connections, NEW)

    def verify(self, **how: Any) -> MigrationVerification:
        with self.estate.connections() as connections:
            return verify_migration(connections, MOVE, **how)

    def outcomes(self, plan: MigrationPlan) -> dict[str, str]:
        """Outcome of each entry by its name, as text."""
        with self.estate.connections() as connections:
            journal = connections.ledger.copy_outcomes(plan.fingerprint)
        return {str(plan.entries[position]): str(outcome) for position, outcome in journal.items()}

    def state(self, plan: MigrationPlan) -> str:
        with self.estate.connections() as connections:
            return connections.ledger.record(plan.fingerprint).state

    def there(self) -> Estate:
        """The destination, to be asked with plain HTTP."""
        return Estate(self.estate.root, self.destination, images=self.estate.images)

    def _approve(self, connections: Any, plan: MigrationPlan) -> None:
        now = datetime.now(UTC)
        approval = Approval(
            fingerprint=plan.fingerprint, decision="approve", who="Ada", at=now, reason="we move", count=plan.counted,
            expires_at=now + timedelta(hours=24),
        )  # fmt: skip
        connections.ledger.file_decision(approval, RULES)


def words(plan: MigrationPlan) -> dict[str, str]:
    """Word of each entry by its name."""
    return {str(entry): entry.word for entry in plan.entries}
