"""The section `database`."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from resources.configuration.base import Settings
from resources.configuration.secrets import SecretName


class DatabaseSettings(Settings):
    """The project's own history."""

    url: str | None = Field(
        None,
        description="SQLAlchemy URL without password: `postgresql+psycopg2://user@host/name`;"
        " default: SQLite beside the configuration file",
        examples=["postgresql+psycopg2://pipelines@database.example.com/pipelines"],
    )
    password: SecretName | None = Field(
        None, description="where the database password is", examples=[{"env": "DATABASE_PASSWORD"}]
    )

    @field_validator("url")
    @classmethod
    def _no_password_in_the_address(cls, url: str | None) -> str | None:
        if url is not None and "://" not in url:
            raise ValueError("write a SQLAlchemy URL: `postgresql+psycopg2://user@host/name` or `sqlite:///file`")
        if url is not None and re.search(r"//[^/@\s]*:[^@\s]*@", url):
            raise ValueError("the address holds a password; take it out and name its place: `password: {env: NAME}`")
        return url
