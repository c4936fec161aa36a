"""What a registry is shown at sign-in. None of these can be printed: `repr` and `str` hide the secret."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a password (or access token, or key file), for Basic and for fetching Bearer tokens."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdentityToken:
    """An OAuth2 refresh token (`identitytoken` of a docker config): traded for access tokens at the realm."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A registry token that is sent as it is; it is never refreshed."""

    token: str = field(repr=False)


Credential = Login | IdentityToken | BearerToken
