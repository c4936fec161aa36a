"""The section `notifications`: who is told, of what. Addresses hold secrets, so they are only named."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, model_validator

from resources.configuration.base import Environment, Settings
from resources.configuration.secrets import SecretName

Subject = Literal["findings", "plans", "executions", "evidence", "replications"]
"""What there is to tell."""

SUBJECTS: tuple[Subject, ...] = get_args(Subject)


class DatadogSettings(Settings):
    """Events and counts for Datadog. Needs the extra: `pip install 'registry-pipelines[datadog]'`."""

    api_key: SecretName = Field(description="where the API key is", examples=[{"env": "DD_API_KEY"}])
    address: str = Field(
        "https://api.datadoghq.com",
        description="address of the API of your Datadog site",
        pattern=r"^https?://[^/?#@\s]+/?$",
        examples=["https://api.datadoghq.eu"],
    )
    tags: tuple[str, ...] = Field((), description="tags of every event and count", examples=[["team:platform"]])


class NotificationSettings(Settings):
    """One audience: where they are told, and of what."""

    urls: SecretName | None = Field(
        None,
        description="where the Apprise URLs are (`slack://…`, `mailto://…`, `msteams://…`), one a line or separated by"
        " spaces",
        examples=[{"env": "NOTIFY_URLS"}],
    )
    datadog: DatadogSettings | None = Field(None, description="tell Datadog")
    about: tuple[Subject, ...] = Field(
        SUBJECTS,
        description="`findings`, `plans`, `executions`, `evidence`, `replications`; default: all",
        min_length=1,
    )
    environments: tuple[Environment, ...] = Field(
        (),
        description="findings and inventories of these environments only; default: all",
        examples=[["production"]],
    )

    @model_validator(mode="after")
    def _one_way(self) -> NotificationSettings:
        if (self.urls is None) == (self.datadog is None):
            raise ValueError("say how they are told: `urls` (Apprise) or `datadog`, one of them in each entry")
        return self
