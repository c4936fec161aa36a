"""Who sent the form of a run, and whether it is sent for the first time."""

from __future__ import annotations

import dagster as dg

from registry_core.errors import Refused
from registry_core.persons import same_person
from registry_pipelines.coordinator import NOT_SIGNED_IN, USER_TAG, SignedInRunCoordinator


def refuse_a_repeated_form(run: dg.DagsterRun) -> None:
    """Refuse a decision that an old run made: re-executed by hand, or by Dagster's own retries.

    A decision is of the moment in which a person read the plan, and a form that was sent before says nothing of today.
    """
    if run.parent_run_id is not None:
        raise Refused(
            f"this run repeats the decision of the run {run.parent_run_id[:8]}, and a decision is not repeated; open"
            " the plan and send its form"
        )


def signed_in_person(run: dg.DagsterRun, instance: dg.DagsterInstance, header: str | None) -> str | None:
    """The name that the sign-in proxy vouches for; None where none is configured, or nobody was signed in.

    Raises Refused where Dagster does not record it: then the tag `user` may have been typed by hand.
    """
    if header is None:
        return None
    coordinator = instance.run_coordinator
    if not isinstance(coordinator, SignedInRunCoordinator) or (coordinator.header or "").lower() != header.lower():
        raise Refused(
            f"approvals.sign_in_header is {header}, and dagster.yaml has no run coordinator that records it; set"
            " registry_pipelines.coordinator.SignedInRunCoordinator there with the same header"
        )
    name = run.tags.get(USER_TAG, "").strip()
    return name if name and name != NOT_SIGNED_IN else None


def refuse_another_person(run: dg.DagsterRun, instance: dg.DagsterInstance, header: str | None, person: str) -> None:
    """Refuse a form that is written for somebody other than who is signed in, where that is known."""
    signed_in = signed_in_person(run, instance, header)
    if header is not None and (signed_in is None or not same_person(signed_in, person)):
        raise Refused(
            f"the form is written for {person} and was sent by {signed_in or 'nobody known'}; ask as yourself"
        )
