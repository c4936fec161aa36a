"""The sensor that tells people. It only reads what others have stored, so it can delay none of them."""

import time
from datetime import UTC, datetime

import dagster as dg

from assets.failures import told_to_dagster
from assets.telling import Round, tell_all
from registry_pipelines.links import review_link, whole_plan_link
from registry_pipelines.locations import LOCATION
from resources.configuration.settings import Site
from resources.database.ledger_records import PlanRecord
from resources.site import SiteResource

NAME = "tell_people"

_EVERY_SECONDS = 60

#: Dagster gives a tick 60 seconds; what is left is told in the next.
_PATIENCE_SECONDS = 35


def build_notification_sensors(site: Site) -> list[dg.SensorDefinition]:
    """The sensor, where the site's file names anybody."""
    if not site.notifications:
        return []
    on = dg.DefaultSensorStatus.RUNNING if site.schedules.switched_on else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=_EVERY_SECONDS,
        default_status=on,
        description="Tells people of new findings, plans that wait for approval, executions that ended, and evidence"
        " that grew stale, as `notifications` in the site's file says: once, and again only when something changed."
        " What could not be delivered makes the tick fail, and is tried again in the next.",
    )
    def tell_people(context: dg.SensorEvaluationContext, site: SiteResource) -> dg.SkipReason:
        late = time.monotonic() + _PATIENCE_SECONDS
        with told_to_dagster(), site.connections() as connections:
            known = connections.site
            told = tell_all(
                connections,
                datetime.now(UTC),
                lambda record: link_of_plan(record, known),
                is_late=lambda: time.monotonic() > late,
            )
        return concluded(told)

    return [tell_people]


def concluded(told: Round) -> dg.SkipReason:
    """What the tick says. Raises `dagster.Failure` where somebody could not be told."""
    left = f"; {told.left_for_later} left for the next tick" if told.left_for_later else ""
    if told.failures:
        raise dg.Failure(f"{told.delivered} messages delivered{left}; not delivered: {'; '.join(told.failures)}")
    return dg.SkipReason(f"{told.delivered} messages delivered{left}" if told.delivered or left else "nothing new")


def link_of_plan(record: PlanRecord, site: Site) -> str | None:
    """The form that decides over a waiting plan, else the page of the plan; None where no address is configured."""
    if record.state == "waiting" and site.dagster_address is not None:
        path = review_link(record.kind, record.fingerprint, site, location=LOCATION)
        # The prefix of the web server stands in both.
        address = site.dagster_address.rstrip("/").removesuffix(site.approvals.path_prefix)
        return f"{address}{path}"
    return whole_plan_link(record.fingerprint, site)
