"""Secrets are named, never written: where one is, and how its value is fetched at the moment of use.

Law 9: the value never enters a settings object, a plan, metadata, a log or a `repr`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from registry_core.errors import ConfigError
from resources.configuration.paths import FilePath, beside

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
NamespacedName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+/[a-z0-9.-]+$")]

NEVER_THE_SECRET = "write where the secret is, never the secret: {env: NAME} or {file: PATH}"  # noqa: S105

#: A secret is a line or a key file; what is larger is the wrong file.
_LONGEST_SECRET_BYTES = 1_000_000


class SecretName(BaseModel):
    """Where one secret text is: exactly one of `{env: NAME}` and `{file: PATH}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: EnvironmentName | None = Field(None, description="name of an environment variable")
    file: FilePath | None = Field(None, description="path of a file; a trailing newline is dropped")

    @model_validator(mode="before")
    @classmethod
    def _never_the_secret_itself(cls, value: object) -> object:
        if not isinstance(value, (dict, SecretName)):
            raise ValueError(NEVER_THE_SECRET)
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretName:
        if (self.env is None) == (self.file is None):
            raise ValueError("name exactly one place: {env: NAME} or {file: PATH}")
        return self

    def __str__(self) -> str:
        return f"{{env: {self.env}}}" if self.env else f"{{file: {self.file}}}"


def read_secret(name: SecretName, base_dir: Path | None = None) -> str:
    """The secret text itself. Fetch it when it is used and let it go: files and variables may change.

    `base_dir` is where a relative path of a file starts; names read by `load_site` are absolute already.
    Raises ConfigError that names the place and never the value.
    """
    if name.env is not None:
        value = os.environ.get(name.env)
        if value is None:
            raise ConfigError(f"the environment variable {name.env} is not set; set it, or name another place",
                              subject=str(name))  # fmt: skip
        if not value:
            raise ConfigError(f"the environment variable {name.env} is empty", subject=str(name))
        return value
    path = Path(beside(base_dir or Path.cwd(), name.file or ""))
    return _secret_of_file(path, subject=str(name))


def _secret_of_file(path: Path, *, subject: str) -> str:
    try:
        if path.is_file() and path.stat().st_size > _LONGEST_SECRET_BYTES:
            raise ConfigError(f"{path} is too large to be a secret; name the right file", subject=subject)
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"the file {path} does not exist; create it, or name another place",
                          subject=subject) from None  # fmt: skip
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder; name the file in it", subject=subject) from None
    except OSError as error:
        raise ConfigError(f"the file {path} cannot be read: {error.strerror}", subject=subject) from None
    except UnicodeDecodeError:
        # Unchained: the exception holds the bytes of the secret.
        raise ConfigError(f"the file {path} is not UTF-8 text", subject=subject) from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ConfigError(f"the file {path} is empty", subject=subject)
    return text
