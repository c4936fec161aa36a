"""The evidence of the last look: inventories taken now, the newest catalog, and what the policies of now say of both.

It is renewed while the plan is carried out: what began to be used since must not go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pandas as pd

from assets.taking.evidence import gather_evidence
from assets.taking.inventory import take_inventory
from assets.taking.plan import decide_by, limits_of, refuse_unexpected_silence
from assets.taking.progress import Progress
from assets.taking.usage import join_evidence
from registry_core.catalog import CatalogFrames
from registry_core.errors import IncompleteSnapshot, LimitExceeded, PlanStale
from registry_core.eviction import Plan
from registry_core.eviction_brakes import broken_limits
from registry_core.eviction_entries import Entry
from registry_core.eviction_present import kept_now, without_images
from registry_core.eviction_use import Image
from registry_core.limits import Limits
from registry_core.plain_rows import plain_rows
from registry_core.policy import read_policies
from registry_core.policy_rules import Policies
from registry_core.policy_spans import print_age, print_span
from registry_core.retention_decisions import Decisions
from registry_core.usage import UsageFrames
from resources.connections import Connections
from resources.database.snapshots import Snapshot, SnapshotSuperseded

Clock = Callable[[], datetime]

#: Evidence is taken again, and a wave ends, after this part of `limits.max_inventory_age`.
_PART_OF_MAX_AGE = 10


@dataclass(frozen=True, slots=True)
class NamesUsed:
    """By which names workloads use images of one repository: digests, and tags that the catalog does not know."""

    digests: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class FreshEvidence:
    """What is known of a registry at `as_of`, the time of the oldest inventory that counts."""

    as_of: datetime
    inventory: pd.DataFrame = field(repr=False)
    joined: UsageFrames = field(repr=False)  #: with the catalog
    policies: Policies
    decisions: Decisions = field(repr=False)
    decide_again: Callable[[CatalogFrames], Decisions] = field(repr=False)  #: over another state of the same catalog
    _without: dict[frozenset[Image], Decisions] = field(default_factory=dict, init=False, repr=False)

    @property
    def catalog(self) -> CatalogFrames:
        return self.decisions.facts.nodes.catalog

    def kept_now(
        self, entries: Sequence[Entry], lost: frozenset[Image] = frozenset()
    ) -> tuple[dict[Image, str], dict[tuple[str, str], str]]:
        """As `eviction_present.kept_now`. `lost` are images that were to stay and are gone: others take their place
        among the newest, and before those in use."""
        kept, kept_tags = kept_now(self.decisions, entries)
        if lost:
            if lost not in self._without:
                self._without[lost] = self.decide_again(without_images(self.catalog, lost))
            others, other_tags = kept_now(self._without[lost], entries)
            return {**others, **kept}, {**other_tags, **kept_tags}
        return kept, kept_tags

    def names_used(self, repositories: Collection[str]) -> Mapping[str, NamesUsed]:
        digests: dict[str, set[str]] = {name: set() for name in repositories}
        tags: dict[str, set[str]] = {name: set() for name in repositories}
        for frame, columns in (
            (self.joined.usage, ["repository", "digest"]),
            (self.joined.unresolved, ["repository", "digest", "tag"]),
        ):
            rows = frame[frame["repository"].isin(list(repositories))].drop_duplicates(columns)
            for repository, digest, *tag in plain_rows(rows, columns):
                if digest:
                    digests[repository].add(digest)
                elif tag and tag[0]:
                    tags[repository].add(tag[0])
        return {name: NamesUsed(frozenset(digests[name]), frozenset(tags[name])) for name in repositories}


@dataclass
class EvidenceOfRun:
    """The evidence by which one run carries out one plan; it is kept fresh."""

    connections: Connections
    plan: Plan
    run_id: str
    clock: Clock
    progress: Progress
    _held: FreshEvidence | None = field(default=None, init=False, repr=False)
    _deleting_since: datetime | None = field(default=None, init=False)

    @property
    def limits(self) -> Limits:
        """Those of the plan and of the configuration: of each the stricter."""
        return self.plan.basis.limits.stricter(limits_of(self.connections.site))

    def fresh(self) -> FreshEvidence:
        """Taken again unless it is younger than a tenth of `limits.max_inventory_age`.

        Raises ClusterError, IncompleteSnapshot and PlanStale where the use of images is not known well enough, and
        LimitExceeded where fewer images are in use than is to be believed, or the plan is larger than the limits of
        now, Refused where no workload names the registry any more.
        """
        held = self._held
        if held is None or self.clock() - held.as_of >= self.limits.max_inventory_age / _PART_OF_MAX_AGE:
            held = self._held = self._take()
        return held

    def begin_wave(self) -> None:
        self._deleting_since = self.clock()

    def time_is_up(self) -> str:
        """Why the wave that is under way must end before another image is deleted; empty where it need not."""
        part = self.limits.max_inventory_age / _PART_OF_MAX_AGE
        if self._deleting_since is not None and self.clock() - self._deleting_since >= part:
            return "the wave has taken its time, and the evidence is renewed first"
        return self.too_old()

    def too_old(self) -> str:
        """Why nothing at all may be deleted by this evidence; empty where it may."""
        most = self.limits.max_inventory_age
        if self._held is None or self.clock() - self._held.as_of > most:
            return f"the inventory has become older than limits.max_inventory_age ({print_span(most)})"
        return ""

    def _take(self) -> FreshEvidence:
        clusters, plan, limits = self.connections.site.clusters, self.plan, self.limits
        required = [name for name, settings in clusters.items() if settings.required] or list(clusters)
        unknown = sorted(set(plan.basis.inventories) - set(clusters))
        if unknown:
            raise PlanStale(
                f"the plan {plan.fingerprint[:12]} stands on the inventory of {', '.join(unknown)}, which is not"
                " configured any more; make a new plan"
            )
        if not required:
            raise IncompleteSnapshot("no cluster is configured, so what is in use is unknown; name one in `clusters`")
        nothing = "nothing is deleted" if self._held is None else "nothing more is deleted"
        snapshots = [self._inventory(cluster) for cluster in required]
        for snapshot in snapshots:
            if not snapshot.complete:
                raise IncompleteSnapshot(
                    f"{nothing}: the inventory of {snapshot.source} is {snapshot.coverage.summary()}; repair that and"
                    " start this plan again"
                )
            age = self.clock() - snapshot.as_of
            if age > limits.max_inventory_age:
                raise PlanStale(
                    f"{nothing}: the inventory of {snapshot.source} is {print_age(age)} old and"
                    f" limits.max_inventory_age is {print_span(limits.max_inventory_age)}; bring it up to date and"
                    " start this plan again"
                )
        gathered = gather_evidence(self.connections, plan.basis.registry)
        if not plan.basis.unnamed:
            refuse_unexpected_silence(self.connections, gathered)
        joined = join_evidence(self.connections, gathered)
        self._refuse_beyond_limits(joined.images_in_use, nothing)
        policies = self._policies()
        return FreshEvidence(
            as_of=min(snapshot.as_of for snapshot in snapshots),
            inventory=gathered.inventory,
            joined=joined,
            policies=policies,
            decisions=decide_by(self.connections, gathered, policies),
            decide_again=lambda catalog: decide_by(self.connections, replace(gathered, catalog=catalog), policies),
        )

    def _policies(self) -> Policies:
        """Those of the configuration now. A plan with policies of its own may name repositories for which the
        configuration has none; there its own hold."""
        written, planned = self.connections.site.policies, self.plan.basis
        if not planned.own_policies:
            return read_policies(written)
        site = read_policies(written).entries if written else ()
        return Policies((*site, *planned.policies.entries))

    def _refuse_beyond_limits(self, in_use: int, nothing: str) -> None:
        limits, plan = self.limits, self.plan
        if (age := self.clock() - plan.as_of) > limits.max_plan_age:
            raise PlanStale(
                f"{nothing}: the plan {plan.fingerprint[:12]} stands on evidence that is {print_age(age)} old and"
                f" limits.max_plan_age is {print_span(limits.max_plan_age)}; make a new plan"
            )
        if in_use < limits.min_images_in_use:
            raise LimitExceeded(
                f"{nothing}: {in_use:,} stored images are in use now and limits.min_images_in_use is"
                f" {limits.min_images_in_use:,}, so the inventory is not believed; look at image_usage first"
            )
        for broken in broken_limits(limits, images_in_use=in_use, evicted=plan.images, stored=plan.stored_images):
            why = str(broken).removeprefix("no plan: ")
            raise LimitExceeded(f"{nothing} of the plan {plan.fingerprint[:12]}: {why}, and make a new plan")

    def _inventory(self, cluster: str) -> Snapshot:
        """An inventory taken now; where another run has stored a newer one meanwhile, that one."""
        try:
            return take_inventory(self.connections, cluster, progress=self.progress, run_id=self.run_id)
        except SnapshotSuperseded:
            newest = self.connections.history.latest("inventory", cluster)
            if newest is None:
                raise
            return newest
