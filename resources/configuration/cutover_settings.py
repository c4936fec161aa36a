"""The section `cutovers`: which workloads are pointed from one registry at another, and how carefully.

Failover is an entry whose `to` is the second registry or an archive, pinned by digest: planned today, approved on the
day it is needed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator

from registry_core.globs import compile_globs
from resources.configuration.base import Settings
from resources.configuration.credential_settings import Credentials
from resources.configuration.rewriting_settings import RewritingSettings
from resources.configuration.spans import Span

_OBJECT_NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"


class PullSecretSettings(Settings):
    """A pull secret that workloads get, made where it is absent."""

    name: str = Field(description="its name in every namespace", pattern=_OBJECT_NAME, examples=["new-registry-pull"])
    credentials: Credentials | None = Field(
        None,
        description="the login that goes into it, user name and password; default: `credentials` of the destination."
        " Give one that can only pull",
        examples=[{"username": "robot$pull", "password": {"env": "PULL_PASSWORD"}}],
    )


class CutoverSettings(Settings):
    """One cut-over, or one failover. Nothing is changed before a person approved a plan of it."""

    clusters: tuple[str, ...] = Field(
        min_length=1, description="clusters whose workloads are changed", examples=[["production"]]
    )
    namespaces: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        ("*",), description="globs of namespaces to look at", examples=[["shop", "team-*"]]
    )
    source: str = Field(alias="from", description="registry that they name now, by its name here", examples=["old"])
    to: str = Field(
        description="registry that they are to name, by its name here; they will write the first of its `hosts`",
        examples=["new"],
    )
    names: RewritingSettings = Field(RewritingSettings(), description="names at the destination, where they differ")
    pin: Literal["tag", "digest"] = Field(
        "digest", description="write the digest behind each tag, or leave tags alone as they are"
    )
    pull_secret: PullSecretSettings | None = Field(
        None,
        description="pull secret that workloads need for the destination; default: none is touched",
        examples=[{"name": "new-registry-pull"}],
    )
    max_age: Span | None = Field(
        None, description="older plans are not carried out; default: `limits.max_plan_age`", examples=["7d"]
    )
    second_person_above: int | None = Field(
        None, ge=0, description="a plan that changes more workloads needs two approvers", examples=[20]
    )
    rollout_timeout: Span = Field(
        timedelta(minutes=10), description="a workload whose new pods are not ready by then is put back"
    )
    look_every: Span = Field(timedelta(seconds=2), description="look at a rollout that often")

    @field_validator("namespaces")
    @classmethod
    def _globs(cls, globs: tuple[str, ...]) -> tuple[str, ...]:
        compile_globs(globs)
        return globs
