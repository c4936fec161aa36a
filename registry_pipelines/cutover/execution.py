"""Carry out an approved cut-over: workload by workload, look at both sides, record, patch, watch, journal.

A workload whose new pods do not get ready is put back, and the run stops there. Whatever else ends a run early, the
next run of the same plan goes on where the journal ends and does nothing twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from assets.taking.progress import Progress, Silent
from registry_core.approval import ApprovalRules
from registry_core.cutover import CutoverPlan
from registry_core.cutover_entries import Entry, PullSecret
from registry_core.cutover_outcome import CUTOVER_WORDS, CutoverOutcome
from registry_core.errors import ClusterError, PartialFailure, RegistryPipelinesError
from registry_pipelines.cutover.changing import Gone, Watching, WorkloadChanger, refusal_of
from registry_pipelines.cutover.fresh_look import FreshLook
from registry_pipelines.cutover.planned_settings import settings_of
from resources.configuration.cutover_settings import CutoverSettings
from resources.connections import Connections
from resources.database.cutover_journal import CutoverJournal, CutoverLine
from resources.database.ledger_records import Claim, HolderIsAlive, PlanRecord

Clock = Callable[[], datetime]


class RolloutFailed(PartialFailure):
    """New pods of a workload did not get ready; it was put back, and nothing more is changed by this plan."""


@dataclass(frozen=True)
class CutoverRun:
    """Who carries out, by which rules, and how time passes."""

    run_id: str
    rules: ApprovalRules
    holder_is_alive: HolderIsAlive
    clock: Clock = lambda: datetime.now(UTC)
    pause: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic

    def watching(self, settings: CutoverSettings) -> Watching:
        return Watching(settings.rollout_timeout, settings.look_every, self.pause, self.monotonic)


@dataclass(frozen=True)
class CutoverDone:
    """What became of a plan, all runs of it together. The journal has each workload."""

    record: PlanRecord
    counts: Mapping[str, int]  #: workloads by CUTOVER_WORDS


def execute_cutover(
    connections: Connections, fingerprint: str, run: CutoverRun, *, progress: Progress | None = None
) -> CutoverDone:
    """Carry out the approved plan of this fingerprint.

    Raises ApprovalMissing, PlanStale and Refused where the lock does not open. The plan ends for good when every
    workload is changed or spared, and when a rollout failed (RolloutFailed). Everything else that goes wrong leaves it
    to be started again: PartialFailure where some workloads were refused or failed, ClusterError, RegistryError,
    DatabaseError.
    """
    ledger = connections.ledger
    claim = ledger.claim(
        fingerprint, run.run_id, CutoverPlan, rules=run.rules, holder_is_alive=run.holder_is_alive, now=run.clock()
    )
    try:
        with ExitStack() as opened:
            _Work(connections, claim, run, settings_of(connections, claim.plan), opened, progress or Silent()).do()
    except RolloutFailed as failed:
        ledger.finish(claim, "stopped", str(failed))
        raise
    except BaseException as error:
        # Best effort: where this fails too, the next run finds out that we are dead.
        with suppress(RegistryPipelinesError):
            ledger.release(claim, _first_line(error))
        raise
    return _conclude(connections, claim)


@dataclass
class _Work:
    connections: Connections
    claim: Claim[CutoverPlan]
    run: CutoverRun
    settings: CutoverSettings
    opened: ExitStack
    progress: Progress
    _changers: dict[str, WorkloadChanger] = field(default_factory=dict, init=False)
    _secrets: dict[tuple[str, str], str | None] = field(default_factory=dict, init=False)
    _content: bytes | None = field(default=None, init=False, repr=False)
    _giving_up: bool = field(default=False, init=False)
    _recorded: set[int] = field(default_factory=set, init=False)  #: positions that may have been patched

    @property
    def journal(self) -> CutoverJournal:
        return self.connections.ledger.cutovers

    def do(self) -> None:
        plan, lines = self.claim.plan, self.journal.lines(self.claim.fingerprint)
        left = [(number, entry) for number, entry in enumerate(plan.entries) if not _is_final(lines.get(number))]
        # What is to be put back comes first: until then nothing more is changed.
        left.sort(key=lambda one: not _is_failing(lines.get(one[0])))
        if left:
            self._refuse_what_cannot_be_done()
        look = FreshLook(self.connections, plan)
        away: dict[str, ClusterError] = {}
        self.progress.begin(f"workloads of the cut-over {plan.subject}", total=len(left))
        self._pull_secrets_of_others()
        for position, entry in left:
            if entry.workload.cluster in away:
                continue
            try:
                outcome = self._one(position, entry, lines.get(position), look)
            except ClusterError as error:
                if self._giving_up:
                    raise
                # The other clusters go on.
                away[entry.workload.cluster] = error
                self.progress.note(f"nothing more is changed in {entry.workload.cluster} by this run: {error}")
                continue
            self.journal.ended(self.claim, position, outcome)
            self.progress.advance()
            if outcome.word != "changed":
                self.progress.note(f"{entry.workload}: {outcome.word}: {outcome.why}")
        for first in away.values():
            raise first

    def _refuse_what_cannot_be_done(self) -> None:
        """Before anything is: Refused for a cluster that is a dump, ConfigError for a login that cannot be had."""
        for cluster in self.claim.plan.basis.clusters:
            self._changer(cluster)
        if self.claim.plan.pull_secrets:
            self._content = self.connections.pull_secret_content(self.claim.plan.subject)

    def _one(self, position: int, entry: Entry, line: CutoverLine | None, look: FreshLook) -> CutoverOutcome:
        if line is not None and line.failing is not None:
            self._give_up(position, entry, line.failing)
        if line is not None and line.before is not None:
            self._recorded.add(position)
        try:
            unchanged = self._patch(position, entry, line, look)
        except Gone as gone:
            return self._gone(position, gone)
        except ClusterError as error:
            unchanged = refusal_of(error)
            if unchanged is None:
                raise
        return unchanged or self._arrive(position, entry)

    def _patch(self, position: int, entry: Entry, line: CutoverLine | None, look: FreshLook) -> CutoverOutcome | None:
        """None where the workload has its new images by this plan, else why it has not."""
        changer = self._changer(entry.workload.cluster)
        if changer.stands(entry) == "new":
            if line is None or not line.may_be_changed:
                return CutoverOutcome("already changed", "it had the new images when it was its turn")
            return None  # by a run before this one
        return (
            self._pull_secret(entry)
            or look.at(entry)
            or changer.patch(entry, lambda before: self._record(position, before))
        )

    def _record(self, position: int, before: dict[str, Any]) -> None:
        self.journal.record(self.claim, position, before)
        self._recorded.add(position)

    def _gone(self, position: int, gone: Gone) -> CutoverOutcome:
        """Spared where nothing of it is ours. What was patched and then changed in part is for a person to look at."""
        if position in self._recorded and gone.ours_left:
            return CutoverOutcome("failed", f"it was patched, and a part of that is left: {gone}; see to it by hand")
        return CutoverOutcome("spared", str(gone))

    def _arrive(self, position: int, entry: Entry) -> CutoverOutcome:
        """Watch the rollout of a workload that was patched. Raises RolloutFailed when it was put back."""
        self.journal.patched(self.claim, position)
        try:
            rollout = self._changer(entry.workload.cluster).watch(entry)
        except Gone as gone:
            return self._gone(position, gone)
        except ClusterError as error:
            if refusal_of(error) is None:
                raise
            return CutoverOutcome("failed", f"it was patched, and its rollout cannot be watched: {error}")
        if not rollout.arrived:
            self.journal.failing(self.claim, position, rollout.detail)
            self._give_up(position, entry, rollout.detail)
        return CutoverOutcome("changed", rollout.detail)

    def _pull_secrets_of_others(self) -> None:
        """Pull secrets of namespaces where somebody else changes the workloads; one that cannot be made is told."""
        ours = {(entry.workload.cluster, entry.workload.namespace) for entry in self.claim.plan.entries}
        for secret in self.claim.plan.pull_secrets:
            if (secret.cluster, secret.namespace) not in ours:
                try:
                    why = self._make(secret)
                except ClusterError as error:
                    why = str(error)
                if why is not None:
                    self.progress.note(f"no pull secret in {secret.cluster} {secret.namespace}: {why}")

    def _give_up(self, position: int, entry: Entry, why: str) -> NoReturn:
        """Put a workload back and stop. ClusterError where that could not be asked for: the next run begins with it."""
        self._giving_up = True
        not_back = self._changer(entry.workload.cluster).put_back(entry)
        word = f"its rollout failed: {why}"
        if not_back is None:
            self.journal.ended(self.claim, position, CutoverOutcome("put back", word))
            told = "it has its old images again"
        else:
            outcome = CutoverOutcome("failed", f"{word}; it could not be put back: {not_back}")
            self.journal.ended(self.claim, position, outcome)
            told = f"it could not be put back ({not_back}), so look at it now"
        raise RolloutFailed(
            f"{entry.workload}: {word}; {told}. The plan {self.claim.fingerprint[:12]} ends here; find out why, and"
            f" make a new one for the rest (`cutover rollback {self.claim.fingerprint[:12]}` returns what was changed)"
        )

    def _pull_secret(self, entry: Entry) -> CutoverOutcome | None:
        """See to the pull secret of a namespace, once; why there is none, else None."""
        workload = entry.workload
        key = (workload.cluster, workload.namespace)
        if key not in self._secrets:
            wanted = next((one for one in self.claim.plan.pull_secrets if (one.cluster, one.namespace) == key), None)
            self._secrets[key] = None if wanted is None else self._make(wanted)
        why = self._secrets[key]
        return None if why is None else CutoverOutcome("refused by cluster", why)

    def _make(self, secret: PullSecret) -> str | None:
        assert self._content is not None
        done, told = self._changer(secret.cluster).make_pull_secret(
            secret, self._content, plan=self.claim.fingerprint[:12]
        )
        if done is None:
            return told
        if done == "made":
            self.journal.secret_made(self.claim, secret, told)
        elif done != "theirs":
            self.journal.secret_shared(self.claim, secret, told)
        return None

    def _changer(self, cluster: str) -> WorkloadChanger:
        if cluster not in self._changers:
            connection = self.connections.cluster_to_change(cluster)
            changer = WorkloadChanger(connection, self.run.watching(self.settings))
            self._changers[cluster] = self.opened.enter_context(closing(changer))
        return self._changers[cluster]


def _is_failing(line: CutoverLine | None) -> bool:
    return line is not None and line.failing is not None


def _is_final(line: CutoverLine | None) -> bool:
    return line is not None and line.outcome is not None and line.outcome.is_final


def _conclude(connections: Connections, claim: Claim[CutoverPlan]) -> CutoverDone:
    ledger = connections.ledger
    lines = ledger.cutovers.lines(claim.fingerprint).values()
    counts: dict[str, int] = {
        word: sum(line.outcome is not None and line.outcome.word == word for line in lines) for word in CUTOVER_WORDS
    }
    undone = len(claim.plan.entries) - sum(_is_final(line) for line in lines)
    if undone:
        told = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        why = f"{undone} of {len(claim.plan.entries)} workloads are not changed ({told})"
        ledger.release(claim, why)
        raise PartialFailure(
            f"the plan {claim.fingerprint[:12]} is not done: {why}; the journal says why of each. Mend it and start"
            " this plan again, or make a new one"
        )
    return CutoverDone(ledger.finish(claim, "done"), counts)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:1000] or type(error).__name__
