"""The way back: every workload that a cut-over changed gets its old images and pull secrets again.

It needs no approval, because it is for the moment when things go wrong: whoever may start it, may. Each workload is
returned only where it still is as the cut-over left it; what somebody changed since is told and left alone. Nothing
that goes wrong with one workload or one cluster keeps the others from being returned.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

from assets.taking.progress import Progress, Silent
from registry_core.cutover import CutoverPlan
from registry_core.cutover_entries import Entry, PullSecret
from registry_core.errors import ClusterError, ConfigError, DatabaseError, PartialFailure, Refused
from registry_pipelines.cutover.changing import WorkloadChanger
from registry_pipelines.cutover.execution import CutoverRun
from resources.connections import Connections
from resources.database.cutover_journal import CutoverJournal, MadeSecret

#: A cluster that did not answer so often in a row is not asked any more: the others must not wait for it.
_IN_VAIN = 3


@dataclass(frozen=True, slots=True)
class Returned:
    """What became of one workload; `why` tells why it was not returned."""

    entry: Entry
    why: str | None = None

    def __str__(self) -> str:
        return f"{self.entry.workload}: {'has its old images again' if self.why is None else self.why}"


@dataclass(frozen=True)
class Rollback:
    """All workloads that the plan changed and that were not returned before, last changed first."""

    fingerprint: str
    returned: tuple[Returned, ...] = field(repr=False)
    notes: tuple[str, ...] = ()  #: pull secrets that stay, and why

    @property
    def left(self) -> tuple[Returned, ...]:
        return tuple(one for one in self.returned if one.why is not None)


def rollback_cutover(
    connections: Connections, fingerprint: str, run: CutoverRun, *, progress: Progress | None = None
) -> Rollback:
    """Return all that a plan changed, also where it was not finished. Done again, it does nothing twice.

    A plan that was not finished ends with it, so that nobody goes on with it meanwhile or after. Refused while a run
    that is alive carries it out. What cannot be returned is told in the outcome; see `refuse_partial`. Rollouts are not
    waited for: the old registry may be gone, and the rest must not wait for it.
    """
    stored = connections.ledger.take_back(
        fingerprint, run.run_id, CutoverPlan, holder_is_alive=run.holder_is_alive, now=run.clock()
    )
    with ExitStack() as opened:
        work = _Work(connections, stored.plan, stored.record.fingerprint, run, opened, progress or Silent())
        returned = work.return_workloads()
        was_begun = stored.record.state in ("executing", "done", "stopped")
        notes = work.remove_secrets() if was_begun and all(one.why is None for one in returned) else ()
    if work.unwritten is not None:
        raise work.unwritten
    return Rollback(stored.record.fingerprint, returned, notes)


def refuse_partial(rollback: Rollback) -> None:
    """Raises PartialFailure where something was not returned."""
    if rollback.left:
        more = f" (and {len(rollback.left) - 1} more)" if len(rollback.left) > 1 else ""
        raise PartialFailure(
            f"{len(rollback.returned) - len(rollback.left)} of {len(rollback.returned)} workloads were returned; not"
            f" {rollback.left[0]}{more}; see to these by hand, or roll back again"
        )


@dataclass
class _Work:
    connections: Connections
    plan: CutoverPlan
    fingerprint: str
    run: CutoverRun
    opened: ExitStack
    progress: Progress
    unwritten: DatabaseError | None = field(default=None, init=False)  #: why the journal lacks something
    _changers: dict[str, WorkloadChanger] = field(default_factory=dict, init=False)
    _in_vain: Counter[str] = field(default_factory=Counter, init=False)  #: by cluster, how often in a row

    @property
    def journal(self) -> CutoverJournal:
        return self.connections.ledger.cutovers

    def return_workloads(self) -> tuple[Returned, ...]:
        lines = self.journal.lines(self.fingerprint)
        changed = [position for position in sorted(lines, reverse=True) if lines[position].may_be_changed]
        self.progress.begin(f"workloads of the cut-over {self.plan.subject}, back", total=len(changed))
        returned = []
        for position in changed:
            entry = self.plan.entries[position]
            why = self._put_back(entry)
            # The journal must not keep the rest from being returned: done again, it finds what was.
            try:
                if why is None:
                    self.journal.returned(self.fingerprint, position, run_id=self.run.run_id)
                else:
                    self.journal.not_returned(self.fingerprint, position, why)
            except DatabaseError as error:
                self.unwritten = error
            returned.append(Returned(entry, why))
            self.progress.advance()
        return tuple(returned)

    def _put_back(self, entry: Entry) -> str | None:
        """None when it is as it was, else why not: whatever the reason, the next one is tried."""
        cluster = entry.workload.cluster
        if self._in_vain[cluster] >= _IN_VAIN:
            return f"the cluster {cluster} did not answer {_IN_VAIN} times in a row, so it was not asked any more"
        try:
            why = self._changer(cluster).put_back(entry)
        except ClusterError as error:
            self._in_vain[cluster] += 1
            return str(error)
        except (ConfigError, Refused) as error:  # the file knows the cluster no more, or only as a dump
            return str(error)
        self._in_vain[cluster] = 0
        return why

    def remove_secrets(self) -> tuple[str, ...]:
        """Take away the pull secrets that the plan made and that nobody names any more; why others stay."""
        forgotten, notes = self._unwritten_secrets()
        for secret in (*self.journal.secrets(self.fingerprint), *forgotten):
            if sharers := self.journal.sharers(self.fingerprint, secret):
                self.journal.secret_removed(self.fingerprint, secret)  # whoever shares it takes it away
                where = f"{secret.cluster} {secret.namespace}"
                notes.append(f"the plan {sharers[0][:12]} pulls with {secret.name} of {where} too, so it stays")
                continue
            try:
                why = self._changer(secret.cluster).remove_pull_secret(self._planned(secret), secret.uid)
            except (ClusterError, ConfigError, Refused) as error:
                why = str(error)
            if why is None:
                self.journal.secret_removed(self.fingerprint, secret)
            else:
                notes.append(why)
        return tuple(notes)

    def _unwritten_secrets(self) -> tuple[list[MadeSecret], list[str]]:
        """What a run made and could not write down, because it was killed before; and what cannot be asked."""
        known = {(one.cluster, one.namespace) for one in self.journal.secrets(self.fingerprint, removed=True)}
        found: list[MadeSecret] = []
        notes: list[str] = []
        for planned in self.plan.pull_secrets:
            if (planned.cluster, planned.namespace) in known:
                continue
            try:
                uid = self._changer(planned.cluster).pull_secret_of(planned, plan=self.fingerprint[:12])
            except (ClusterError, ConfigError, Refused) as error:
                notes.append(str(error))
                continue
            if uid is not None:
                found.append(MadeSecret(planned.cluster, planned.namespace, planned.name, uid))
        return found, notes

    def _planned(self, secret: MadeSecret) -> PullSecret:
        return PullSecret(secret.cluster, secret.namespace, secret.name, self.plan.basis.host)

    def _changer(self, cluster: str) -> WorkloadChanger:
        if cluster not in self._changers:
            changer = WorkloadChanger(self.connections.cluster_to_change(cluster))
            self._changers[cluster] = self.opened.enter_context(closing(changer))
        return self._changers[cluster]
