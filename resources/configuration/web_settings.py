"""The section `web`: the service that shows reports and answers monitoring."""

from __future__ import annotations

from pydantic import Field

from resources.configuration.base import Settings
from resources.configuration.secrets import SecretName


class WebSettings(Settings):
    """`registry-pipelines serve`. Where it listens is said on its command line."""

    address: str | None = Field(
        None,
        description="where people reach it, for links from plans to the whole of them",
        pattern=r"^https?://[^?#@\s]+$",
        examples=["https://registry-pipelines.example.com"],
    )
    token: SecretName | None = Field(
        None,
        description="where the bearer token is that readers must show; without it the service stays on loopback",
        examples=[{"file": "/run/secrets/web-token"}],
    )
