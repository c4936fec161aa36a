"""Carry out cut-overs in tests: a plan made and approved in one line, time that passes only when somebody waits."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from assets.taking.cutover import take_cutover_plan
from registry_core.approval import Approval, ApprovalRules
from registry_core.cutover import CutoverPlan
from registry_pipelines.cutover.execution import CutoverDone, CutoverRun, execute_cutover
from registry_pipelines.cutover.rollback import Rollback, rollback_cutover
from tests.registry_pipelines.cutover.estate import Estate

ANYBODY = ApprovalRules()
_NUMBERS = itertools.count(1)


@dataclass
class Time:
    """Seconds that only pass in pauses."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.now += seconds
        self.pauses.append(seconds)


def approved_plan(estate: Estate) -> CutoverPlan:
    """A plan of `move`, filed and approved."""
    with estate.connections() as connections:
        made = take_cutover_plan(connections, "move")
        now = datetime.now(UTC)
        approval = Approval(
            fingerprint=made.record.fingerprint, decision="approve", who="Ada", at=now, reason="we move",
            count=made.plan.counted, expires_at=now + timedelta(hours=24),
        )  # fmt: skip
        connections.ledger.file_decision(approval, ANYBODY)
    return made.plan


def a_run(time: Time | None = None, **changes: Any) -> CutoverRun:
    time = time or Time()
    given: dict[str, Any] = {
        "run_id": f"run {next(_NUMBERS)}", "rules": ANYBODY, "holder_is_alive": lambda _: False,
        "pause": time.pause, "monotonic": lambda: time.now,
    }  # fmt: skip
    return CutoverRun(**{**given, **changes})


def carry_out(estate: Estate, plan: CutoverPlan, run: CutoverRun | None = None) -> CutoverDone:
    with estate.connections() as connections:
        return execute_cutover(connections, plan.fingerprint, run or a_run())


def roll_back(estate: Estate, plan: CutoverPlan, run: CutoverRun | None = None) -> Rollback:
    with estate.connections() as connections:
        return rollback_cutover(connections, plan.fingerprint, run or a_run())


def outcomes(estate: Estate, plan: CutoverPlan) -> dict[str, str]:
    """Outcome and why of each workload, by `cluster/name` and kind."""
    with estate.connections() as connections:
        lines = connections.ledger.cutovers.lines(plan.fingerprint)
    told: dict[str, str] = {}
    for position, line in lines.items():
        workload = plan.entries[position].workload
        outcome = "unknown" if line.outcome is None else f"{line.outcome.word}: {line.outcome.why}".rstrip(": ")
        told[f"{workload.cluster}/{workload.name}"] = outcome
    return told


def images_of(estate: Estate) -> dict[str, list[str]]:
    """What every workload of both clusters names now, by cluster, kind, namespace and name."""
    found: dict[str, list[str]] = {}
    for cluster, server in estate.servers.items():
        for path in server.cluster.kinds:
            plural = path.rpartition("/")[2]
            if plural in ("nodes", "pods", "replicasets"):
                continue
            for item in server.cluster.listed(path):
                key = f"{cluster}/{plural}/{item['metadata'].get('namespace')}/{item['metadata']['name']}"
                found[key] = sorted(_texts(item.get("spec")))
    return found


def _texts(node: Any) -> list[str]:
    """Every image and every pull secret below a node."""
    if isinstance(node, list):
        return [text for one in node for text in _texts(one)]
    if not isinstance(node, dict):
        return []
    own = [node["image"]] if isinstance(node.get("image"), str) else []
    own += [f"secret {one['name']}" for one in node.get("imagePullSecrets") or ()]
    return own + [text for value in node.values() for text in _texts(value)]
