"""Pages of plans: the whole of a plan, searched, sorted and paged by the service, and its JSON as it was filed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from registry_core.eviction import Basis, Plan
from registry_core.eviction_entries import Entry
from registry_core.limits import Limits
from registry_core.policy import read_policies
from registry_core.retention_evidence import Snapshot
from registry_pipelines.web.plan_pages import plan_routes
from registry_pipelines.web.plan_reader import PlanReader, Wanted
from tests.registry_pipelines.web.service import HOST, Service, Site, at_once, served

NOW = datetime.now(UTC).replace(microsecond=0)


def entry(number: int, **fields: object) -> Entry:
    values: dict[str, object] = {
        "kind": "delete",
        "repository": f"team/app-{number % 7}",
        "digest": f"sha256:{number:064x}",
        "tags": (f"build-{number}",),
        "media_type": None,
        "image_bytes": 1000 + number,
        "reasons": ("not in use", f"{number} images are newer"),
    }
    return Entry(**{**values, **fields})  # type: ignore[arg-type]


def plan_of(*entries: Entry, minutes: int = 1) -> Plan:
    at = NOW - timedelta(minutes=minutes)
    basis = Basis(
        registry=HOST,
        as_of=at,
        catalog=Snapshot("1", at),
        inventories={"main": Snapshot("2", at)},
        policies=read_policies([{"repositories": ["**"], "keep_last": 3}]),
        limits=Limits(),
    )
    return Plan(basis=basis, entries=entries, stored_images=1000, kept={"in use": 12})


@pytest.fixture
def client(site: Site) -> Iterator[Service]:
    with served(at_once(site.reader.look), more=plan_routes(PlanReader(site.connections.history))) as running:
        yield running


def asked(path: str, **query: str) -> str:
    return f"{path}?{urlencode(query)}"


def file(site: Site, plan: Plan) -> str:
    return site.connections.history.ledger.save_plan(plan, made_at=NOW).fingerprint


def test_plans_are_listed_with_links(site: Site, client: Service) -> None:
    assert "No plan was made yet" in client.get("/plans").text
    fingerprint = file(site, plan_of(entry(1)))
    told = client.get("/plans").text
    assert f'href="/plans/{fingerprint[:12]}"' in told
    assert "waiting" in told


def test_the_json_is_the_plan_of_which_the_fingerprint_is_the_hash(site: Site, client: Service) -> None:
    fingerprint = file(site, plan_of(entry(1), entry(2)))
    answer = client.get(f"/plans/{fingerprint}.json")
    assert answer.headers["content-type"] == "application/json"
    assert "attachment" in answer.headers["content-disposition"]
    assert hashlib.sha256(answer.content).hexdigest() == fingerprint


def test_a_page_holds_a_hundred_entries_however_many_there_are(site: Site, client: Service) -> None:
    short = file(site, plan_of(*(entry(number) for number in range(450))))[:12]
    first = client.get(f"/plans/{short}").text
    assert len(re.findall("build-", first)) == 100
    assert "page 1 of 5" in first
    assert 'rel="prev"' not in first
    last = client.get(f"/plans/{short}?page=99").text
    assert len(re.findall("build-", last)) == 50
    assert 'rel="next"' not in last


def test_entries_are_searched_by_words_and_sorted(site: Site, client: Service) -> None:
    short = file(site, plan_of(*(entry(number) for number in range(300))))[:12]
    found = client.get(asked(f"/plans/{short}", q="team/app-3 BUILD-17")).text
    assert {int(one) for one in re.findall(r"build-(\d+)", found)} == {17, 171, 178}
    largest = client.get(asked(f"/plans/{short}", order="size")).text
    assert re.findall(r"build-(\d+)", largest)[:2] == ["299", "298"]
    assert client.get(asked(f"/plans/{short}", order="nonsense", page="-1")).status_code == 200


def test_what_came_from_outside_is_text_and_nothing_foreign_may_run(site: Site, client: Service) -> None:
    short = file(site, plan_of(entry(1, tags=("<script>alert(1)</script>",))))[:12]
    answer = client.get(asked(f"/plans/{short}", q='"><script>alert(2)</script>'))
    assert "<script>alert" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert not re.findall(r"(?:src|href)=\"https?:", answer.text)


def test_no_such_plan_is_not_found_in_one_sentence(client: Service) -> None:
    for path in ("/plans/abcdef123456", "/plans/abcdef123456.json", "/plans/x"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "plan" in answer.json()["sentence"]


def test_a_plan_of_a_hundred_thousand_entries_is_searched_at_once(site: Site) -> None:
    fingerprint = file(site, plan_of(*(entry(number) for number in range(100_000))))
    reader = PlanReader(site.connections.history)
    reader.open(fingerprint).show(Wanted(text="warm up"))
    began = datetime.now(UTC)
    shown = reader.open(fingerprint).show(Wanted(text="app-3 build-99", order="size"))
    assert shown.found > 100
    assert datetime.now(UTC) - began < timedelta(seconds=3)
