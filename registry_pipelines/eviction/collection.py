"""Carry out an approved collection plan: claim it, measure, let the registry collect, measure again, journal.

The command runs in the registry's pod, or Harbor is asked through its API, exactly as the plan says. Started again
after a run that died, it collects again in a pod (what is freed is freed), and in Harbor it watches the collection
that was begun.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from assets.taking.collection import collection_way
from assets.taking.plan import limits_of
from assets.taking.progress import Progress, Silent
from assets.taking.uncollected import find_uncollected
from registry_core.approval import ApprovalRules
from registry_core.collection import CollectionPlan
from registry_core.errors import ClusterError, PartialFailure, Refused, RegistryPipelinesError
from resources.clusters.pod_commands import PodCommands, PodPlace, RunsCommands
from resources.configuration.eviction_settings import CollectionSettings
from resources.connections import Connections
from resources.database.collection_journal import CollectionRecord
from resources.database.ledger_records import Claim, HolderIsAlive
from resources.registry.client import RegistryClient
from resources.registry.providers.harbor_collection import CollectionState, HarborCollection, harbor_collection_of
from resources.registry.push_probe import takes_pushes

_LINES_KEPT = 20
_CLOCKS_DIFFER = timedelta(minutes=5)  #: Harbor's and ours


@dataclass(frozen=True, slots=True)
class CollectionRun:
    """Who carries out, by which rules of approval. `commands`: where they run, if not in the pod of the settings."""

    run_id: str
    rules: ApprovalRules
    holder_is_alive: HolderIsAlive
    commands: RunsCommands | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


def execute_collection(
    connections: Connections, fingerprint: str, run: CollectionRun, *, progress: Progress | None = None
) -> CollectionRecord:
    """Collect as the approved plan says; what was freed.

    Raises ApprovalMissing, PlanStale and Refused where the lock does not open: also while another plan changes the
    registry, where the configuration now says another way, and while pushes are possible (unless `allow_pushes`).
    ClusterError, RegistryError and PartialFailure (it ended with an error) leave the plan to be started again.
    """
    ledger = connections.ledger
    claim = ledger.claim(
        fingerprint,
        run.run_id,
        CollectionPlan,
        rules=replace(run.rules, limits=limits_of(connections.site)),
        holder_is_alive=run.holder_is_alive,
        now=run.clock(),
    )
    try:
        _refuse_if_collected_since(connections, claim)
        _refuse_if_it_would_grow(connections, claim)
        settings = _settings_as_planned(connections, claim)
        work = _through_harbor if claim.plan.way.through == "harbor" else _in_the_pod
        work(connections, claim, settings, run, progress or Silent())
    except BaseException as error:
        # Best effort: where this fails too, the next run finds out that we are dead.
        with suppress(RegistryPipelinesError):
            ledger.release(claim, (str(error).splitlines() or [type(error).__name__])[0][:1000])
        raise
    ledger.finish(claim, "done")
    collected = ledger.collections.of(claim.fingerprint)
    assert collected is not None
    return collected


def _refuse_if_collected_since(connections: Connections, claim: Claim[CollectionPlan]) -> None:
    last = connections.ledger.collections.last_of(claim.subject)
    if last is not None and last.begun_at > claim.plan.as_of:
        why = f"{claim.subject} was collected since by the plan {last.fingerprint[:12]}"
        connections.ledger.finish(claim, "stopped", why)
        raise Refused(f"the plan {claim.fingerprint[:12]} is not carried out: {why}; make a new plan")


def _refuse_if_it_would_grow(connections: Connections, claim: Claim[CollectionPlan]) -> None:
    """A collection takes all that is deleted. What was deleted since the plan was made could not be put back any more,
    and nobody has agreed to that."""
    begun = connections.ledger.collections.of(claim.fingerprint)
    if begun is not None and begun.vendor_number is not None and begun.succeeded is None:
        return  # the vendor collects already; we only watch it
    beyond = claim.plan.beyond(find_uncollected(connections, claim.subject))
    if beyond:
        names = ", ".join(f"{one.short} ({one.images:,} images)" for one in beyond)
        why = f"it would make evictions final that the plan does not name: {names}"
        connections.ledger.finish(claim, "stopped", why)
        raise Refused(f"the plan {claim.fingerprint[:12]} is not carried out: {why}; make a new plan")


def _settings_as_planned(connections: Connections, claim: Claim[CollectionPlan]) -> CollectionSettings:
    settings = connections.registry_settings(claim.subject).collection
    if settings is None or collection_way(settings) != claim.plan.way:
        now = "no `collection`" if settings is None else str(collection_way(settings))
        raise Refused(
            f"the plan {claim.fingerprint[:12]} collects by {claim.plan.way}, and the configuration of {claim.subject}"
            f" now says {now}; make a new plan"
        )
    return settings


def _in_the_pod(
    connections: Connections,
    claim: Claim[CollectionPlan],
    settings: CollectionSettings,
    run: CollectionRun,
    progress: Progress,
) -> None:
    registry, ledger = claim.subject, connections.ledger
    if not settings.allow_pushes:
        _refuse_while_pushes_are_possible(connections, registry)
    commands = run.commands or _pod(connections, settings)
    ledger.collections.begin(claim, before_bytes=_measure(commands, settings.storage))
    begun = ledger.collections.of(claim.fingerprint)
    before = begun.before_bytes if begun is not None and begun.before_bytes is not None else 0
    progress.note(f"{registry}: its storage holds {before:,} bytes; collecting by {claim.plan.way}")
    ended = commands.run(settings.command)
    lines = ended.lines[-_LINES_KEPT:]
    for line in lines:
        progress.note(line)
    after = _measure(commands, settings.storage)
    ledger.collections.end(
        claim, succeeded=not ended.status, after_bytes=after, freed_bytes=before - after, last_lines="\n".join(lines)
    )
    if ended.status:
        last = lines[-1] if lines else "it wrote nothing"
        raise PartialFailure(
            f"the collection of {registry} ended with status {ended.status} after freeing {before - after:,} bytes:"
            f" {last}; `{shlex.join(settings.command)}` is what ran. Mend it and start this plan again"
        )


def _through_harbor(
    connections: Connections,
    claim: Claim[CollectionPlan],
    settings: CollectionSettings,
    run: CollectionRun,
    progress: Progress,
) -> None:
    """Harbor goes on taking pushes while it collects: it spares what was touched within its time window."""
    ledger = connections.ledger
    begun = ledger.collections.of(claim.fingerprint)
    with closing(connections.registry_to_change(claim.subject)) as connection:
        found = harbor_collection_of(connection)
        if found is None:
            raise Refused(f"{claim.subject} is no Harbor by its settings; write `provider: harbor`, or another way")
        with closing(found) as harbor:
            number = begun.vendor_number if begun is not None and begun.succeeded is None else None
            if number is None:
                number = _begun_before(harbor, begun)
            if number is None:
                _refuse_beside_another(harbor, claim.subject)
                ledger.collections.begin(claim)  # a run that dies after its request is known to have sent it
                number = harbor.begin()
            if begun is None or begun.vendor_number != number:
                ledger.collections.begin(claim, vendor_number=number)
            state = harbor.wait_for(
                number,
                longest=settings.longest,
                tell=lambda one: progress.note(f"{claim.subject}: collection {one.number} of Harbor: {one.status}"),
            )
            if not state.ended:
                raise PartialFailure(
                    f"the collection {number} of Harbor did not end within `collection.longest`; it goes on, and this"
                    " plan started again goes on watching it"
                )
            _end(connections, claim, state, harbor.log(number))


def _begun_before(harbor: HarborCollection, begun: CollectionRecord | None) -> int | None:
    """The collection that a run of this plan asked for and died before it heard the number: the newest since then."""
    if begun is None or begun.succeeded is not None:
        return None
    since = begun.begun_at - _CLOCKS_DIFFER
    found = (one.number for one in harbor.recent() if one.begun_at is not None and one.begun_at >= since)
    return next(found, None)


def _refuse_beside_another(harbor: HarborCollection, registry: str) -> None:
    other = harbor.under_way()
    if other is not None:
        raise Refused(
            f"Harbor of {registry} collects already (number {other.number}, {other.status}, begun by somebody else);"
            " start this plan again when it has ended"
        )


def _end(connections: Connections, claim: Claim[CollectionPlan], state: CollectionState, log: str) -> None:
    lines = log.splitlines()[-_LINES_KEPT:]
    connections.ledger.collections.end(
        claim, succeeded=state.succeeded, after_bytes=None, freed_bytes=state.freed_bytes, last_lines="\n".join(lines)
    )
    if not state.succeeded:
        last = lines[-1] if lines else "it kept no log"
        raise PartialFailure(
            f"the collection {state.number} of Harbor ended as {state.status}: {last}; look at Administration › Clean"
            " Up in Harbor, mend it and start this plan again"
        )


def _refuse_while_pushes_are_possible(connections: Connections, registry: str) -> None:
    tags = connections.history.read_catalog(registry).tags
    repository = str(tags["repository"].iloc[0]) if len(tags) else "library/none"
    with closing(connections.registry_to_change(registry)) as connection:
        if takes_pushes(RegistryClient(connection), repository):
            raise Refused(
                f"collection of {registry} is refused while it takes pushes, because an image pushed meanwhile may lose"
                " layers: set `storage.maintenance.readonly.enabled: true` (REGISTRY_STORAGE_MAINTENANCE_READONLY="
                "'{\"enabled\":true}'), start it again, and start this plan again; or set `collection.allow_pushes`"
                " and make a new plan"
            )


def _pod(connections: Connections, settings: CollectionSettings) -> PodCommands:
    assert settings.cluster is not None
    place = PodPlace(settings.namespace, settings.pod_selector, settings.container)
    return PodCommands(connections.cluster_connection(settings.cluster), place)


def _measure(commands: RunsCommands, storage: str) -> int:
    command: Sequence[str] = ("du", "-sk", storage)
    ended = commands.run(command)
    words = ended.lines[-1].split() if ended.lines else []
    if ended.status or not words or not words[0].isdigit():
        raise ClusterError(
            f"could not measure {storage} with `du -sk`: {' '.join(ended.lines[-1:]) or 'it wrote nothing'};"
            " set `collection.storage` to the folder of the registry's storage",
            fault="missing",
        )
    return int(words[0]) * 1024
