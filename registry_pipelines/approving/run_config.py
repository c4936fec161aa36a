"""What a run of a form may have been given, and who gave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from registry_core.errors import Refused
from registry_pipelines.coordinator import NOT_SIGNED_IN, USER_TAG, SignedInRunCoordinator


def refuse_what_is_not_plain(run_config: Mapping[str, Any], op: str) -> None:
    """Refuse a form that holds anything but what a person types.

    `{env: NAME}` in any value is resolved by Dagster in the run, so that a "reason" could print a secret; and
    config of resources could name another site's file, with other approvers.
    """
    others = [key for key in run_config if key not in ("ops", "loggers")]
    if others:
        raise Refused(f"the form holds `{others[0]}`, and only `ops` may be filled in; open it again by the link")
    config = run_config.get("ops", {}).get(op, {}).get("config", {})
    for key, value in config.items():
        values = value if isinstance(value, list) else [value]
        if any(isinstance(one, bool) or not isinstance(one, (str, int)) for one in values):
            raise Refused(f"`{key}` of the form is no plain text or number; write what it says in words of your own")


def signed_in_person(run: dg.DagsterRun, instance: dg.DagsterInstance, header: str | None) -> str | None:
    """The name that the sign-in proxy vouches for; None where none is configured, or nobody was signed in.

    Raises Refused where Dagster does not record it: then the tag `user` may have been typed by hand.
    """
    if header is None:
        return None
    coordinator = instance.run_coordinator
    if not isinstance(coordinator, SignedInRunCoordinator) or coordinator.header.lower() != header.lower():
        raise Refused(
            f"approvals.sign_in_header is {header}, and dagster.yaml has no run coordinator that records it; set"
            " registry_pipelines.coordinator.SignedInRunCoordinator there with the same header"
        )
    name = run.tags.get(USER_TAG, "").strip()
    return name if name and name != NOT_SIGNED_IN else None


def refuse_another_person(run: dg.DagsterRun, instance: dg.DagsterInstance, header: str | None, person: str) -> None:
    """Refuse a form that is written for somebody other than who is signed in, where that is known."""
    signed_in = signed_in_person(run, instance, header)
    if header is not None and (signed_in is None or signed_in.casefold() != person.strip().casefold()):
        raise Refused(
            f"the form is written for {person} and was sent by {signed_in or 'nobody known'}; ask as yourself"
        )
