"""One small registry, its plan, and every run of it while the registry lies, the world changes and runs are killed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from registry_core.errors import RegistryPipelinesError
from registry_core.eviction import Plan
from registry_core.policy_spans import print_span
from resources.connections import Connections
from tests.registry_pipelines.eviction.lying import worlds
from tests.registry_pipelines.eviction.lying.lies import Liar
from tests.registry_pipelines.eviction.lying.oracle import kept_by_rules
from tests.registry_pipelines.eviction.lying.registry import Asked
from tests.registry_pipelines.eviction.lying.site import LyingSite
from tests.registry_pipelines.eviction.lying.truth import Truth

#: An inventory may be a tenth of its greatest age when a wave begins, and as old again when that ends; a look at the
#: registry takes some requests more.
MAX_INVENTORY_AGE = timedelta(seconds=100)
STALE = MAX_INVENTORY_AGE / 5 + timedelta(seconds=6)
PAUSE = MAX_INVENTORY_AGE * 0.4


class Killed(BaseException):
    """The run ends here, whatever it was doing."""


class Mortal:
    """Progress of a run that is killed at the call of this number; None: never."""

    def __init__(self, calls: int | None) -> None:
        self._left = calls

    def begin(self, _what: str, *, total: int | None = None) -> None:
        self._live()

    def advance(self, _count: int = 1, *, total: int | None = None) -> None:
        self._live()

    def note(self, _message: str) -> None:
        self._live()

    def _live(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Killed


@dataclass(frozen=True)
class Moment:
    """When something changes: at a tick, or when the DELETE of this number arrives."""

    tick: int
    deletion: int | None
    change: worlds.Change

    def has_come(self, tick: int, deletions: int) -> bool:
        return tick >= self.tick if self.deletion is None else deletions >= self.deletion


class LyingWorld:
    """One registry, its plan, and every run of it. `broken`: where the law does not hold."""

    def __init__(self, seed: int, site: LyingSite) -> None:
        self.site, self.registry, self.random = site, site.registry, Random(seed)
        self.truth = self.registry.truth = Truth()
        self.broken: list[str] = []
        self.story = self.registry.story = []
        self.counts: Counter[str] = Counter()
        self._changes: list[Moment] = []
        self._asked_to_delete = 0
        self._pauses = {self.random.randint(1, 4) for _ in range(self.random.choice((0, 0, 1, 2)))}
        self._at_once = self.random.choice((1, 4))
        self._wave_size = self.random.choice((1, 3, 200))

    def live(self) -> None:
        random = self.random
        self.site.begin()
        self.registry.lie, self.registry.before = lambda _: None, lambda _: None
        self.registry.has_referrers = random.random() < 0.7
        self.registry.written_elsewhere.clear()
        worlds.fill(self.truth, random)
        self.site.write_cluster()
        policies = worlds.policies(random)
        with self._connections(policies) as connections:
            plan = self.site.plan(connections)
            if not plan.entries:
                return
            self.site.approve(connections, plan)
        self.counts["plans"] += 1
        self._enter(plan)
        stricter = worlds.stricter(self.truth, policies, random) if random.random() < 0.15 else policies
        with self._connections(stricter) as connections:
            self.truth.kept_by_rules = kept_by_rules(self.truth, stricter)
            for number in range(random.randint(1, 5)):
                self.registry.lie = self._liar()
                dies_at = random.choice((None, random.randint(2, 12)))
                if not self._run(connections, plan, f"run {number}", dies_at=dies_at) or self.broken:
                    return
            self.registry.lie = lambda _: None
            self._changes.clear()
            self._run(connections, plan, "the last run")
            self._compare(plan)

    def _connections(self, policies: list[dict[str, Any]]) -> Any:
        age = print_span(MAX_INVENTORY_AGE)
        return self.site.connections(policies, max_inventory_age=age, wave_size=self._wave_size, at_once=self._at_once)

    def _enter(self, plan: Plan) -> None:
        """From here on the truth's clock runs, and the world changes."""
        truth, random = self.truth, self.random
        truth.planned = {entry.image: frozenset(entry.tags) for entry in plan.entries}
        truth.known, truth.catalogued = dict(truth.tags), frozenset(truth.shown())
        truth.start_clock()
        self._changes = [self._moment() for _ in range(random.choice((0, 1, 1, 2)))]
        self.registry.before = self._before
        self._happen()
        self.site.touch_cluster()

    def _moment(self) -> Moment:
        random = self.random
        tick = random.choice((0, random.randint(1, 60)))
        deletion = random.randint(1, 6) if random.random() < 0.6 else None
        return Moment(self.truth.tick + tick, deletion, worlds.change(random))

    def _before(self, asked: Asked) -> None:
        if asked.method == "DELETE":
            self._asked_to_delete += 1
            if self._asked_to_delete in self._pauses:
                self.truth.pause(PAUSE.total_seconds())
                self.story.append(f"{self.truth.tick} *** a pause")
        self._happen()
        self.site.touch_cluster()

    def _happen(self) -> None:
        due = [one for one in self._changes if one.has_come(self.truth.tick, self._asked_to_delete)]
        self._changes = [one for one in self._changes if one not in due]
        for one in due:
            self.story.append(f"{self.truth.tick} *** {one.change(self.truth)}")
        if due:
            self.site.write_cluster()

    def _liar(self) -> Liar:
        kinds = self.random.sample(("tags", "tag", "digest", "deletion"), self.random.choice((0, 1, 1, 2)))
        about = {kind: self.random.choice((0.1, 0.4, 1.0)) for kind in kinds}
        return Liar(self.truth, self.random, self.registry.foreign, about)

    def _run(self, connections: Connections, plan: Plan, run_id: str, *, dies_at: int | None = None) -> bool:
        """Whether the plan can be started again."""
        self.counts["executions"] += 1
        self.story.append(f"{self.truth.tick} === {run_id}")
        again = True
        self.site.touch_cluster()
        try:
            self.site.execute(connections, plan, run_id, Mortal(dies_at))
            again = False
        except Killed:
            self.story.append(f"{self.truth.tick} killed")
        except RegistryPipelinesError as error:
            self.story.append(f"{self.truth.tick} {type(error).__name__}: {error}")
        self._judge(plan)
        return again

    def _judge(self, plan: Plan) -> None:
        truth = self.truth
        taken = sorted(self.site.inventories())
        for deletion in truth.deletions:
            last = max((one for one in taken if one <= deletion.at), default=None)
            where = f"DELETE of {deletion.image} at {deletion.at} by the inventory of {last}"
            for why, since in deletion.names:
                if since is None or (last is not None and last >= since):
                    self.broken.append(f"{where}, although {why} since {since}")
            if last is None or (deletion.late and deletion.at - last > STALE):
                self.broken.append(f"{where}, which is too old")
        self.counts["deletions"] += sum(deletion.done for deletion in truth.deletions)
        lines = {(line.repository, line.digest): line for line in self.site.journal(plan)}
        for deletion in truth.deletions:
            line = lines.get(deletion.image)
            if deletion.done and (line is None or line.kept_at is None):
                self.broken.append(f"{deletion.image} is gone, and the journal does not name it: {line}")
        truth.deletions.clear()
        self.broken += [f"written elsewhere: {one}" for one in self.registry.written_elsewhere]

    def _compare(self, plan: Plan) -> None:
        """After a run without lies the journal says what is true."""
        for line in self.site.journal(plan):
            there = (line.repository, line.digest) in self.truth.manifests
            word = line.outcome.word if line.outcome else ""
            if (line.repository, line.digest) in self.truth.pushed_again:
                continue
            if line.digest not in self.truth.denied and there != (word not in ("deleted", "already gone")):
                self.broken.append(f"{line.repository}@{line.digest} is {'there' if there else 'gone'}: {line.outcome}")
