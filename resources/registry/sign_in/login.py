"""What we sign in with. The values hold secrets: they have no `repr` of them, and live only in memory."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Login:
    """User name and password, or a robot's name and access token."""

    username: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """Value of `Authorization` by RFC 7617, in UTF-8."""
        return "Basic " + b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A registry token that is used as it is: nobody refreshes it but the credential source."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdentityToken:
    """A refresh token (`identitytoken` of a docker config), exchanged for access tokens by OAuth2 POST."""

    value: str = field(repr=False)


Credential = Login | BearerToken | IdentityToken

#: Called at the moment of use, and again when the registry says no: the secret may have been rotated.
CredentialSource = Callable[[], Credential | None]


def anonymous() -> Credential | None:
    """The credential source of somebody who does not sign in."""
    return None


def secrets_of(credential: Credential | None) -> tuple[str, ...]:
    """The texts that no message may hold."""
    match credential:
        case None:
            return ()
        case Login():
            return (credential.password, credential.basic.removeprefix("Basic "))
        case _:
            return (credential.value,)
