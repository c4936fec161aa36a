"""Tokens that Google signs: by keys of our own, over a real socket."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from registry_core.errors import RegistryError
from resources.google_identity import GoogleIdentity

crypt = pytest.importorskip("google.auth.crypt")
jwt = pytest.importorskip("google.auth.jwt")
x509 = pytest.importorskip("cryptography.x509")

ACCOUNT = "pubsub@project.iam.gserviceaccount.com"


class Signer:
    """A key with a certificate, as Google publishes its own."""

    def __init__(self, name: str) -> None:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        self.name = name
        self.certificate = made.public_bytes(serialization.Encoding.PEM).decode()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._signer = crypt.RSASigner.from_string(private, key_id=name)

    def token(self, **changes: Any) -> str:
        now = int(time.time())
        claims = {"iss": "https://accounts.google.com", "aud": "ours", "email": ACCOUNT, "email_verified": True,
                  "iat": now, "exp": now + 600, **changes}  # fmt: skip
        return f"Bearer {jwt.encode(self._signer, claims).decode()}"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer("known")


@pytest.fixture
def published(signer: Signer) -> Iterator[tuple[str, dict[str, str]]]:
    """Where certificates are published, and which; they may be changed."""
    import http.server
    import threading

    certificates = {signer.name: signer.certificate}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(certificates).encode()
            self.send_response(200 if certificates else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/certs", certificates
    server.shutdown()
    thread.join(5)
    server.server_close()


def identity(address: str, **given: Any) -> GoogleIdentity:
    return GoogleIdentity(account=ACCOUNT, audience="ours", certificates=address, **given)


def test_the_token_of_the_account_for_our_audience_is_believed(
    signer: Signer, published: tuple[str, dict[str, str]]
) -> None:
    assert identity(published[0]).is_shown(signer.token())


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "theirs"},
        {"email": "somebody@example.com"},
        {"email_verified": False},
        {"iss": "https://evil.example.com"},
        {"exp": 1_600_000_000, "iat": 1_599_999_000},
    ],
)
def test_every_other_token_is_not(
    signer: Signer, published: tuple[str, dict[str, str]], changes: dict[str, Any]
) -> None:
    assert not identity(published[0]).is_shown(signer.token(**changes))


@pytest.mark.parametrize(
    "shown", [None, "", "Bearer", "Bearer a.b.c", "Bearer x", "Basic a.b.c", "Bearer ..", "Bearer é.é.é"]
)
def test_what_is_no_token_is_not_believed(published: tuple[str, dict[str, str]], shown: str | None) -> None:
    assert not identity(published[0]).is_shown(shown)


def test_a_key_of_somebody_else_is_not_believed_and_a_new_one_of_google_is(
    signer: Signer, published: tuple[str, dict[str, str]]
) -> None:
    address, certificates = published
    now = [0.0]
    ours = identity(address, clock=lambda: now[0])
    assert ours.is_shown(signer.token())
    rotated = Signer("rotated")
    assert not ours.is_shown(rotated.token())
    certificates[rotated.name] = rotated.certificate
    now[0] += 61
    assert ours.is_shown(rotated.token())
    assert not ours.is_shown(Signer("rotated").token())


def test_certificates_that_cannot_be_had_make_the_sender_try_again(
    signer: Signer, published: tuple[str, dict[str, str]]
) -> None:
    address, certificates = published
    certificates.clear()
    with pytest.raises(RegistryError, match="its certificates at") as told:
        identity(address).is_shown(signer.token())
    assert told.value.retryable
