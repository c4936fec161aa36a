"""Which web requests may launch a run, and in whose name."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from starlette.requests import Request
from starlette.websockets import WebSocket

from registry_core.errors import Refused
from registry_pipelines.coordinator import NOT_SIGNED_IN
from registry_pipelines.launching.request import person_signed_in, refuse_what_was_not_meant
from tests.registry_pipelines.launching.launches import HEADER, UI, Launches, an_instance, request


@pytest.mark.parametrize(
    "headers",
    [
        {},  # curl, or a GraphQL client
        {"Origin": UI, "Sec_Fetch_Site": "same-origin"},
        {"Origin": UI},  # a browser over plain HTTP, or an old one
        {"Origin": "HTTPS://Dagster.Example.Com:443"},
        {"Origin": UI, "X_Forwarded_Proto": "https"},
        {"Sec_Fetch_Site": "none"},  # an extension of the browser
        {"Host": "10.0.0.7:3000", "X_Forwarded_Host": "dagster.example.com", "Origin": UI},
        {"Host": "localhost:3000", "Origin": "http://localhost:3000", "Sec_Fetch_Site": "same-origin"},
        {"Host": "[::1]:3000", "Origin": "http://[::1]:3000"},
    ],
)
def test_the_ui_itself_and_clients_that_are_no_browser_may_launch(headers: dict[str, str]) -> None:
    refuse_what_was_not_meant(request(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "same-origin"},
        {"Origin": "null"},  # a sandboxed frame, a `data:` page, a page with the referrer policy `no-referrer`
        {"Origin": "https://wiki.example.com"},  # another host of the same site
        {"Origin": "https://dagster.example.com.evil.example"},
        {"Origin": "https://dagster.example.com:8443"},  # another port is another origin
        {"Origin": "http://dagster.example.com", "X_Forwarded_Proto": "https"},
        {"Origin": "http://dagster.example.com:443"},
        {"Origin": "https://user@dagster.example.com"},
        {"Origin": f"{UI} https://evil.example"},
        {"Origin": "file://"},
        {"Origin": "https://[::1"},
        {"Origin": "https://dagster.example.com:99999"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site", "Origin": "https://wiki.example.com"},
        {"Sec_Fetch_Site": "Cross-Site", "Origin": UI},
        {"Sec_Fetch_Site": "something-new"},
    ],
)
def test_a_request_of_another_page_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Refused):
        refuse_what_was_not_meant(request(**headers))


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "get", "post"])
def test_only_post_launches_whatever_else_the_request_says(method: str) -> None:
    with pytest.raises(Refused, match=f"and this is {method}: a link or an image"):
        refuse_what_was_not_meant(request(method, Origin=UI, Sec_Fetch_Site="same-origin"))


def test_a_web_socket_launches_nothing() -> None:
    async def silent(*_: object) -> None: ...

    socket = WebSocket({"type": "websocket", "headers": [], "path": "/graphql"}, silent, silent)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="this is a web socket"):
        refuse_what_was_not_meant(socket)


def test_where_the_addresses_of_the_ui_are_configured_they_alone_count() -> None:
    behind = {"Host": "dagster-webserver:80", "Origin": UI}
    with pytest.raises(Refused, match="name the address under `origins`"):
        refuse_what_was_not_meant(request(**behind))
    refuse_what_was_not_meant(request(**behind), ["https://dagster.example.com/"])
    for other in ("https://dagster-webserver", "http://dagster.example.com", "https://dagster.example.com:8443"):
        with pytest.raises(Refused):
            refuse_what_was_not_meant(request(Host="dagster-webserver:80", Origin=other), [UI])


def with_pairs(*pairs: tuple[str, bytes]) -> Request:
    raw = [(name.lower().encode(), value) for name, value in pairs]
    return Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": raw})


def test_one_foreign_origin_among_several_is_refused() -> None:
    own, other = ("Origin", UI.encode()), ("Origin", b"https://evil.example")
    for pairs in ((own, other), (other, own)):
        with pytest.raises(Refused):
            refuse_what_was_not_meant(with_pairs(("Host", b"dagster.example.com"), *pairs))


@pytest.mark.parametrize(
    ("said", "person"),
    [
        (b"alice@example.com", "alice@example.com"),
        (b"  Alice@example.com ", "Alice@example.com"),
        ("Zoë@example.com".encode(), "Zoë@example.com"),  # proxies write UTF-8
        ("Zoe\u0308@example.com".encode(), "Zoë@example.com"),
        (b"", None),
        (b"   ", None),
        ("\uff41lice@example.com".encode(), None),  # an account that only looks like Alice's
        ("al\u200bice@example.com".encode(), None),
    ],
)
def test_the_person_is_who_the_proxy_says_in_an_exact_spelling(said: bytes, person: str | None) -> None:
    assert person_signed_in(with_pairs((HEADER, said)), HEADER) == person


def test_two_names_in_one_header_are_nobody() -> None:
    pairs = ((HEADER, b"bob@example.com"), (HEADER, b"alice@example.com"))
    with pytest.raises(Refused, match="names 2 different persons in X-Forwarded-Email"):
        person_signed_in(with_pairs(*pairs), HEADER)
    assert person_signed_in(with_pairs(pairs[0], pairs[0]), HEADER) == "bob@example.com"


@pytest.mark.parametrize(
    ("header", "typed", "user"),
    [
        ("alice@example.com", None, "alice@example.com"),
        ("alice@example.com", "bob@example.com", "alice@example.com"),
        (None, "bob@example.com", NOT_SIGNED_IN),
        ("  ", "bob@example.com", NOT_SIGNED_IN),
        (None, None, None),
    ],
)
def test_the_tag_is_of_the_header_and_a_typed_one_is_never_believed(
    launches: Launches, header: str | None, typed: str | None, user: str | None
) -> None:
    headers = {} if header is None else {"X_Forwarded_Email": header}
    tags = {} if typed is None else {"user": typed}
    run = launches.launch("approve_eviction_plan", tags=tags, source=request(**headers))
    assert run.status == dg.DagsterRunStatus.QUEUED
    assert run.tags.get("user") == user


@pytest.mark.parametrize(
    "forged",
    [request("GET", X_Forwarded_Email="alice"), request(X_Forwarded_Email="alice", Origin="https://evil.example")],
)
def test_what_another_page_launched_is_a_failed_run_in_no_ones_name(launches: Launches, forged: Request) -> None:
    with pytest.raises(Refused):
        launches.launch("approve_eviction_plan", tags={"user": "alice"}, source=forged)
    run = launches.newest()
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert run.tags["user"] == NOT_SIGNED_IN


def test_the_daemon_needs_no_request_and_launches_in_no_ones_name(launches: Launches) -> None:
    run = launches.launch("execute_eviction_plan", tags={"user": "alice"})
    assert (run.status, run.tags["user"]) == (dg.DagsterRunStatus.QUEUED, NOT_SIGNED_IN)


def test_the_coordinator_takes_its_origins_from_dagster_yaml(tmp_path: Path) -> None:
    with an_instance(tmp_path / "other", origins=[UI]) as instance:
        assert instance.run_coordinator.origins == (UI,)  # type: ignore[union-attr]
