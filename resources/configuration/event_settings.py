"""The section `events`: who tells us of pushes, and how they prove who they are."""

from __future__ import annotations

from pydantic import Field, model_validator

from registry_core.push_events import Kind
from resources.configuration.base import Settings
from resources.configuration.secrets import SecretName

_HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"


class GooglePush(Settings):
    """Whose identity token Pub/Sub must show."""

    account: str = Field(
        description="service account of the push subscription", examples=["pubsub@project.iam.gserviceaccount.com"]
    )
    audience: str = Field(description="audience of the push subscription", examples=["registry-pipelines"])


class EventSettings(Settings):
    """Webhooks of one registry, sent to `/events/NAME` of the web service. One way to prove who sends."""

    kind: Kind = Field(description="whose events they are: decides what the body looks like", examples=["harbor"])
    registry: str = Field(description="registry that they are about, by its name here", examples=["harbor"])
    token: SecretName | None = Field(
        None,
        description="where the token is that the sender shows in `header`, plain or after `Bearer`",
        examples=[{"env": "HARBOR_EVENT_TOKEN"}],
    )
    header: str = Field("Authorization", description="header that holds `token`", pattern=_HEADER, examples=["X-Token"])
    hmac: SecretName | None = Field(
        None,
        description="where the secret is by which the sender signs the body, in `X-Hub-Signature-256`",
        examples=[{"env": "GITHUB_EVENT_SECRET"}],
    )
    username: str | None = Field(None, description="user of a Basic login, with `password`", examples=["events"])
    password: SecretName | None = Field(
        None, description="where the password of the Basic login is", examples=[{"env": "EVENT_PASSWORD"}]
    )
    path_token: SecretName | None = Field(
        None,
        description="where the token is that ends the address (`/events/NAME/TOKEN`), for senders that can show"
        " nothing else; addresses are written into the logs of proxies",
        examples=[{"env": "HUB_EVENT_TOKEN"}],
    )
    google: GooglePush | None = Field(
        None,
        description="the identity token that Google signs for Pub/Sub; needs the extra: `pip install"
        " 'registry-pipelines[google]'`",
        examples=[{"account": "pubsub@project.iam.gserviceaccount.com", "audience": "registry-pipelines"}],
    )
    unsigned: bool = Field(
        False, description="believe whoever reaches the address; an event only ever causes a comparison"
    )
    largest_bytes: int = Field(
        1_048_576, ge=1_000, le=100_000_000, description="a larger body is refused without being read whole"
    )

    @model_validator(mode="after")
    def _one_way(self) -> EventSettings:
        ways = {
            "token": self.token is not None,
            "hmac": self.hmac is not None,
            "username and password": self.password is not None,
            "path_token": self.path_token is not None,
            "google": self.google is not None,
            "unsigned: true": self.unsigned,
        }
        chosen = [way for way, given in ways.items() if given]
        if len(chosen) != 1:
            raise ValueError(f"choose one way for the sender to prove itself ({', '.join(ways)}), not {len(chosen)}")
        if (self.username is None) != (self.password is None):
            raise ValueError("`username` and `password` go together")
        if self.token is None and self.header != "Authorization":
            raise ValueError("`header` goes with `token`")
        return self

    @property
    def secrets(self) -> tuple[SecretName, ...]:
        """Where the secrets of this entry are."""
        return tuple(name for name in (self.token, self.hmac, self.password, self.path_token) if name is not None)
