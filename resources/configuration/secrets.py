"""Secrets are named, never written: where one is, and how its value is fetched at the moment of use.

Law 7: the value never enters a settings object, a plan, metadata, a log or a `repr`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
NamespacedName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+/[a-z0-9.-]+$")]


class SecretName(BaseModel):
    """Where one secret text is: exactly one of `{env: NAME}` and `{file: PATH}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: EnvironmentName | None = Field(None, description="name of an environment variable")
    file: str | None = Field(None, description="path of a file; a trailing newline is dropped")

    @model_validator(mode="before")
    @classmethod
    def _never_the_secret_itself(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError("write where the secret is, never the secret: {env: NAME} or {file: PATH}")
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretName:
        if (self.env is None) == (self.file is None):
            raise ValueError("name exactly one place: {env: NAME} or {file: PATH}")
        return self

    def __str__(self) -> str:
        return f"{{env: {self.env}}}" if self.env else f"{{file: {self.file}}}"
