"""The section `approvals`: who may decide over plans, and how they are known."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, field_validator

from registry_core.persons import person_key
from resources.configuration.base import Settings
from resources.configuration.secrets import SecretName
from resources.configuration.spans import Span


class ApproverSettings(Settings):
    """Somebody who may approve and reject."""

    name: str = Field(
        description="as they type it, and as the sign-in proxy calls them; capitals do not matter", min_length=1
    )
    totp: SecretName | None = Field(
        None,
        description="where their TOTP secret is (base32, RFC 6238); with it each approval needs a one-time code",
        examples=[{"file": "/run/secrets/totp-alice"}],
    )


class ApprovalSettings(Settings):
    """Decisions over plans."""

    approvers: Annotated[tuple[ApproverSettings, ...], Field(min_length=1)] | None = Field(
        None,
        description="only these may decide; default: whoever reaches the form",
        examples=[[{"name": "alice@example.com"}]],
    )
    expires: Span = Field(timedelta(hours=24), description="an approval that is not carried out by then is void")
    sign_in_header: str | None = Field(
        None,
        description="header by which a sign-in proxy before the Dagster web server names the person; who approves must"
        " then be who is signed in. Needs the run coordinator of `docs/approval.md`",
        pattern=r"^[A-Za-z0-9-]+$",
        examples=["X-Forwarded-Email"],
    )
    path_prefix: str = Field(
        "",
        description="`--path-prefix` of the Dagster web server, for links from plans to their forms",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        examples=["/dagster"],
    )

    @field_validator("approvers")
    @classmethod
    def _each_once(cls, approvers: tuple[ApproverSettings, ...] | None) -> tuple[ApproverSettings, ...] | None:
        names = [person_key(one.name) for one in approvers or ()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} stands there twice; keep one, so that nobody is two persons")
        return approvers
