"""What reaches the web service and the notifications from outside."""

from __future__ import annotations

import base64
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from registry_core.errors import ConfigError
from registry_pipelines.web.guard import shown_token
from registry_pipelines.web.plan_pages import _wanted
from registry_pipelines.web.routes.events import _why_not_json
from resources.configuration.secrets import SecretName
from resources.embedded_registry.access import Credentials
from resources.google_identity import GoogleIdentity
from resources.notify.addresses import read_addresses
from tests.foreign_input.garbage import QUICK, SLOW, bodies, error_of, header_values, texts
from tests.resources.registry.faulty_registry import FaultyRegistry, Reply

COVERS = ("registry_pipelines.web.guard", "resources.embedded_registry.access", "registry_pipelines.web.plan_pages")

HEAD = {"alg": "RS256", "kid": "1", "typ": "JWT"}
CLAIMS = {"iss": "https://accounts.google.com", "aud": "a", "exp": 2**33}


@QUICK
@given(texts)
def test_no_header_of_a_reader_or_sender_raises(text: str) -> None:
    value = text.encode("utf-8", "replace").decode("latin-1")
    encoded = base64.b64encode(text.encode("utf-8", "replace")).decode()
    for written in (value, f"Bearer {value}", f"Basic {value}", f"Basic {encoded}"):
        shown_token(written)
        Credentials("user", "password").match(written)
        _why_not_json(Request({"type": "http", "headers": [(b"content-type", written.encode("latin-1"))]}))


@SLOW
@given(bodies(HEAD), bodies(CLAIMS), bodies({"1": "-----BEGIN CERTIFICATE-----"}), header_values)
def test_no_token_of_google_raises_what_is_not_ours(head: bytes, claims: bytes, certificates: bytes, text: str) -> None:
    pytest.importorskip("google.auth", reason="install the extra `google` to run this")

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).decode().rstrip("=")

    with FaultyRegistry() as server:
        server.on("GET", "/certs", Reply(200, certificates))
        identity = GoogleIdentity(account="a@example.com", audience="a", certificates=f"{server.url}/certs")
        for token in (f"{part(head)}.{part(claims)}.{part(b'x')}", f"{text}.{text}.{text}", text):
            assert error_of(lambda token=token: refuse(identity.is_shown(f"Bearer {token}"))) is not None


def refuse(shown: bool) -> None:
    """No garbage shows an account; a certificate that cannot be had is an error of its own."""
    assert not shown
    raise ConfigError("not shown")


@QUICK
@given(texts, texts, texts)
def test_no_query_of_a_reader_raises(page: str, order: str, words: str) -> None:
    query = urlencode({"page": page, "order": order, "q": words}, errors="replace").encode()
    assert _wanted(Request({"type": "http", "headers": [], "query_string": query})).page >= 1


@QUICK
@given(st.lists(texts, max_size=3))
def test_no_address_of_a_notification_raises_what_is_not_ours(written: list[str]) -> None:
    text = "\n".join([*written, *(f"json://{one}" for one in written), *(f"slack://{one}" for one in written)])
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("URLS", text.replace("\0", "").encode("utf-8", "replace").decode() or "x")
        error = error_of(lambda: read_addresses(SecretName(env="URLS")))
        assert error is None or isinstance(error, ConfigError)
