"""Links into the Dagster UI and the web service, short enough for a summary that is shown inline."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote_plus

import dagster as dg

from assets.eviction_presentation import PlanLinks
from assets.taking.collection import MadeCollectionPlan
from assets.taking.cutover import MadeCutover
from assets.taking.migration import MadeMigrationPlan
from assets.taking.plan import MadePlan
from registry_core.plan_words import PLAN_KINDS, PlanKind
from registry_pipelines.approving.form import approval_form, restore_form, rollback_form
from registry_pipelines.locations import LOCATION
from resources.configuration.settings import Site
from resources.database.ledger_records import PlanRecord

#: The job that carries out plans of a kind.
EXECUTE: Mapping[PlanKind, str] = {
    **{kind: f"execute_{kind}_plan" for kind in PLAN_KINDS},
    "replication": "replicate",  # again and again, by a rule that stands
}
RESTORE = "restore_evicted"
ROLLBACK = "rollback_cutover"

#: Tags by which runs about a plan are found (Runs, filter by tag).
PLAN_TAG = "plan"


def approve_job(kind: PlanKind) -> str:
    """The job whose form decides over plans of a kind."""
    return f"approve_{kind}_plan"


def plan_tags(record: PlanRecord) -> dict[str, str]:
    """Tags of a run about a plan: the plan, and what it is for (`registry`, `migration`, …)."""
    return {PLAN_TAG: record.short, record.words.subject: record.subject}


def links_of_plan(made: MadePlan, site: Site, run: dg.DagsterRun) -> PlanLinks:
    """Where one goes from a plan: the Launchpad with the form filled in, and the page of the web service."""
    plan = made.plan
    return PlanLinks(
        review=review_link("eviction", plan.fingerprint, site, location=location_of(run)),
        whole=whole_plan_link(plan.fingerprint, site),
    )


def links_of_migration(made: MadeMigrationPlan, site: Site, run: dg.DagsterRun) -> PlanLinks:
    """As `links_of_plan`, for the plan of a migration."""
    fingerprint = made.plan.fingerprint
    return PlanLinks(
        review=review_link("migration", fingerprint, site, location=location_of(run)),
        whole=whole_plan_link(fingerprint, site),
    )


def links_of_cutover(made: MadeCutover, site: Site, run: dg.DagsterRun) -> PlanLinks:
    """As `links_of_plan`, for the plan of a cut-over."""
    fingerprint = made.plan.fingerprint
    return PlanLinks(
        review=review_link("cutover", fingerprint, site, location=location_of(run)),
        whole=whole_plan_link(fingerprint, site),
    )


def links_of_collection(made: MadeCollectionPlan, site: Site, run: dg.DagsterRun) -> PlanLinks:
    """As `links_of_plan`, for the plan of a collection."""
    fingerprint = made.plan.fingerprint
    return PlanLinks(
        review=review_link("collection", fingerprint, site, location=location_of(run)),
        whole=whole_plan_link(fingerprint, site),
    )


def rollback_link(fingerprint: str, site: Site, *, location: str) -> str:
    """The form that returns what a cut-over changed."""
    return launchpad_link(ROLLBACK, rollback_form(fingerprint), location=location, prefix=site.approvals.path_prefix,
                          tags={PLAN_TAG: fingerprint[:12]})  # fmt: skip


def review_link(kind: PlanKind, fingerprint: str, site: Site, *, location: str) -> str:
    """The form that decides over a plan."""
    form = approval_form(kind, fingerprint, with_code=any(one.totp for one in site.approvals.approvers or ()))
    return launchpad_link(approve_job(kind), form, location=location, prefix=site.approvals.path_prefix,
                          tags={PLAN_TAG: fingerprint[:12]})  # fmt: skip


def restore_link(fingerprint: str, site: Site, *, location: str) -> str:
    return launchpad_link(RESTORE, restore_form(fingerprint), location=location, prefix=site.approvals.path_prefix,
                          tags={PLAN_TAG: fingerprint[:12]})  # fmt: skip


def whole_plan_link(fingerprint: str, site: Site) -> str | None:
    """The page of a plan in the web service, where the configuration says how people reach that."""
    address = site.web.address
    return None if address is None else f"{address.rstrip('/')}/plans/{fingerprint[:12]}"


def launchpad_link(job: str, form: str, *, location: str, prefix: str = "", tags: Mapping[str, str]) -> str:
    """A relative link to the Launchpad of a job with this YAML in it."""
    asked = [f"config={quote_plus(form, safe=_PLAIN)}"]
    for number, (key, value) in enumerate(tags.items()):
        asked += [f"tags[{number}][key]={quote_plus(key, safe=_PLAIN)}", f"tags[{number}][value]={quote_plus(value)}"]
    return f"{prefix}/locations/{quote_plus(location)}/jobs/{job}/playground/setup?{'&'.join(asked)}"


#: Characters that may stand in a query as they are; without them the link would be half as long again.
_PLAIN = ":,/@'"


def location_of(run: dg.DagsterRun) -> str:
    """The code location that a run was launched from: its name differs between `dagster dev -m` and a workspace."""
    origin = run.remote_job_origin
    return LOCATION if origin is None else origin.repository_origin.code_location_origin.location_name
