"""Forms of the Launchpad as YAML: filled in but for what a person must add, with comments that explain them.

A key that is left empty is null, and *Launch Run* stays grey until it is filled (design §9).
"""

from __future__ import annotations

from registry_core.plan_words import PLAN_WORDS, PlanKind

APPROVAL_OP = "decide"
RESTORE_OP = "restore"
ROLLBACK_OP = "rollback"


def approval_form(kind: PlanKind, fingerprint: str, *, with_code: bool = False) -> str:
    """The form that decides over one plan; `with_code` where approvers have one-time codes."""
    words = PLAN_WORDS[kind]
    code = '      code: "" # six digits, between the quotes\n' if with_code else ""
    return (
        "ops:\n"
        f"  {APPROVAL_OP}:\n"
        "    config:\n"
        f'      plan: "{fingerprint}"\n'
        "      decision: approve # or reject\n"
        f"      # Type the number of {words.field} that {words.happens}:\n"
        f"      {words.field}:\n"
        "      # Your name, and why:\n"
        "      approver:\n"
        "      reason:\n"
        f"{code}"
    )


def restore_form(fingerprint: str) -> str:
    """The form that puts back what a plan deleted."""
    return (
        "ops:\n"
        f"  {RESTORE_OP}:\n"
        "    config:\n"
        f'      plan: "{fingerprint}"\n'
        "      # All of it; or some: [team/app@sha256:…]\n"
        "      images: []\n"
        "      # Your name, and why:\n"
        "      person:\n"
        "      reason:\n"
    )


def rollback_form(fingerprint: str) -> str:
    """The form that returns the workloads of a cut-over."""
    return (
        "ops:\n"
        f"  {ROLLBACK_OP}:\n"
        "    config:\n"
        f'      plan: "{fingerprint}"\n'
        "      # Your name, and why:\n"
        "      person:\n"
        "      reason:\n"
    )
