"""Whether a delivery shows the secret that it must: compared in constant time, whatever is shown."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

#: GitHub, Gitea and others: `sha256=` and the hexadecimal HMAC-SHA256 of the body.
SIGNATURE_HEADER = "x-hub-signature-256"


def holds_signature(secret: str, body: bytes, shown: str | None) -> bool:
    """Whether `shown` is the signature of the body, as the header tells it."""
    proper = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(proper.encode(), _bytes(shown))


def holds_token(secret: str, shown: str | None) -> bool:
    """Whether a header's value is the token: plain, as Harbor sends it, or after `Bearer `."""
    value = shown or ""
    scheme, _, rest = value.partition(" ")
    # Both are compared, so that the time tells nothing of which one was close.
    bare = hmac.compare_digest(secret.encode(), _bytes(value))
    bearer = hmac.compare_digest(secret.encode(), _bytes(rest.strip()))
    return bare or (scheme.lower() == "bearer" and bearer)


def holds_login(username: str, password: str, shown: str | None) -> bool:
    """Whether an `Authorization` header is this Basic login."""
    scheme, _, value = (shown or "").partition(" ")
    try:
        login = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        login = b""
    same = hmac.compare_digest(f"{username}:{password}".encode(), login)
    return scheme.lower() == "basic" and same


def _bytes(shown: str | None) -> bytes:
    """A header as it came over the wire; Starlette reads headers as Latin-1."""
    return (shown or "").encode("latin-1", "replace")
