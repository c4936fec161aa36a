"""All of replication that Dagster loads; nothing where the site configures none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from assets import replication_status
from assets.names import MIGRATION, replications_of
from assets.plan_approval import approval_asset
from assets.replication_status import build_replication_status
from assets.taking.replication import replication_rule
from registry_core.replication_events import due_events
from registry_pipelines.approving.deciding import rules_of
from registry_pipelines.approving.job import build_approval_job
from registry_pipelines.holders import Holders
from registry_pipelines.links import EXECUTE, location_of, review_link
from registry_pipelines.replication_jobs import build_deletions_job, build_replication_job, replication_config
from resources.configuration.replication_settings import name_in_dagster
from resources.configuration.settings import Site
from resources.connections import Connections
from resources.database.ledger_records import HolderIsAlive
from resources.site import SiteResource

REPLICATION_TAG = "replication"
REFRESH_REPLICATION = "refresh_replication_status"


@dataclass(frozen=True, slots=True)
class ReplicationDefinitions:
    """Parts of the definitions of a site."""

    assets: tuple[dg.AssetsDefinition | dg.AssetSpec, ...] = ()
    jobs: tuple[dg.JobDefinition | dg.UnresolvedAssetJobDefinition, ...] = ()
    schedules: tuple[dg.ScheduleDefinition, ...] = ()
    sensors: tuple[dg.SensorDefinition, ...] = ()


def build_replication_definitions(site: Site, by_itself: dg.AutomationCondition[dg.AssetKey]) -> ReplicationDefinitions:
    """Asset, jobs, schedules and sensor of the replications of a site."""
    if not site.replications:
        return ReplicationDefinitions()
    status = build_replication_status(site, _review, lambda configured: rules_of(configured.approvals), by_itself)
    approval = approval_asset(
        "replication", plan=replication_status.KEY, partitions=replications_of(site), group=MIGRATION
    )
    refresh = dg.define_asset_job(
        REFRESH_REPLICATION,
        selection=dg.AssetSelection.assets(replication_status.KEY),
        description="How does one replication stand? Nothing is copied.",
    )
    return ReplicationDefinitions(
        assets=(status, approval),
        jobs=(build_replication_job(), build_deletions_job(), build_approval_job("replication"), refresh),
        schedules=tuple(_schedule(name, site) for name, one in site.replications.items() if one.trigger != "manual"),
        sensors=(_on_events(site),) if any(one.trigger == "event" for one in site.replications.values()) else (),
    )


def _review(fingerprint: str, site: Site, run: dg.DagsterRun) -> str:
    return review_link("replication", fingerprint, site, location=location_of(run))


def _schedule(name: str, site: Site) -> dg.ScheduleDefinition:
    on = dg.DefaultScheduleStatus.RUNNING if site.schedules.switched_on else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        name=f"replicate_{name_in_dagster(name)}_schedule",
        job_name=EXECUTE["replication"],
        cron_schedule=site.replications[name].schedule,
        default_status=on,
        description=f"Compares both registries of {name} and copies what is missing.",
    )
    def compare(context: dg.ScheduleEvaluationContext, site: SiteResource) -> dg.RunRequest | dg.SkipReason:
        with site.connections() as connections:
            if not _in_force(connections, name):
                return dg.SkipReason(f"The rule of {name}, as it is now, was not approved.")
            if (busy := _busy(connections, name, Holders(context.instance).is_alive)) is not None:
                return dg.SkipReason(f"{name} waits for its next time: {busy}.")
        tick = f"{name} {context.scheduled_execution_time:%Y-%m-%dT%H:%M}"
        return _request(name, "schedule", tick)

    return compare


def _on_events(site: Site) -> dg.SensorDefinition:
    on = dg.DefaultSensorStatus.RUNNING if site.schedules.switched_on else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name="replicate_on_events",
        job_name=EXECUTE["replication"],
        minimum_interval_seconds=10,
        default_status=on,
        description="Starts a run of each replication whose source told of a push or a deletion; many events at once"
        " make one run.",
    )
    def on_events(context: dg.SensorEvaluationContext, site: SiteResource) -> Iterator[dg.RunRequest | dg.SkipReason]:
        with site.connections() as connections:
            alive = Holders(context.instance).is_alive
            requests = list(requests_of_events(connections, datetime.now(UTC), holder_is_alive=alive))
        if not requests:
            yield dg.SkipReason(
                "No event waits that a replication follows, some are still being gathered, or their destination is"
                " being worked on."
            )
        yield from requests

    return on_events


def requests_of_events(
    connections: Connections, now: datetime, *, holder_is_alive: HolderIsAlive
) -> Iterator[dg.RunRequest]:
    """A run for each rule that events ask for, and the events marked as taken up.

    Marked before the run is launched: an event that is lost between the two is made good by the schedule of the rule.
    A rule that is not approved gets no run; its events are taken up as well, because its first run compares everything.
    While another run works on the destination of a rule, its events wait: a run of it would be refused.
    """
    followed = [one.rule(name) for name, one in connections.site.replications.items() if one.trigger == "event"]
    events = connections.history.push_events
    due = due_events(events.waiting(), followed, now=now)
    in_force = {name: ids for name, ids in due.runs.items() if _in_force(connections, name)}
    put_off = {name for name in in_force if _busy(connections, name, holder_is_alive) is not None}
    requests = [
        _request(name, "event", f"{name} event {max(ids)}", events=len(ids))
        for name, ids in in_force.items()
        if name not in put_off
    ]
    kept = {number for name in put_off for number in in_force[name]}
    taken = [number for number in due.taken if number not in kept]
    events.take(taken, "replication " + ", ".join(sorted(due.runs.keys() - put_off)), now)
    events.take(due.for_nobody, "nothing that follows it", now)
    yield from requests


def _request(name: str, trigger: str, run_key: str, *, events: int = 0) -> dg.RunRequest:
    tags = {REPLICATION_TAG: name} | ({"events": str(events)} if events else {})
    return dg.RunRequest(run_key=run_key, run_config=replication_config(name, trigger), tags=tags)


def _in_force(connections: Connections, name: str) -> bool:
    rule = replication_rule(connections, name)
    return connections.ledger.standing(rule, rules_of(connections.site.approvals)) == "in force"


def _busy(connections: Connections, name: str, holder_is_alive: HolderIsAlive) -> str | None:
    return connections.ledger.busy(replication_rule(connections, name), holder_is_alive=holder_is_alive)
