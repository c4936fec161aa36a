"""`events`: what came, newest first."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from registry_core.push_events import PushEvent
from resources.database.push_events import Delivery
from tests.company import REGISTRY, Company
from tests.registry_pipelines.cli.calling import call

_ENTRY = {"kind": "quay", "registry": REGISTRY, "unsigned": True}


def test_what_came_is_listed_and_a_wrong_name_is_told(company: Company) -> None:
    company.configure(events={"quay": _ENTRY, "other": _ENTRY})
    assert "no event has come yet" in call("--config", company.site_file, "events").err
    now = datetime(2026, 4, 1, tzinfo=UTC)
    told = [PushEvent("push", "shop/web", tag, at=now, delivery=tag) for tag in ("v1", "v2")]
    with company.connections() as connections:
        connections.history.push_events.note(Delivery("quay", REGISTRY, tuple(told), "", 10, now))
    ended = call("--config", company.site_file, "events", "--json", "--source", "quay")
    assert [(one["tag"], one["taken_at"]) for one in json.loads(ended.out)] == [("v2", None), ("v1", None)]
    assert json.loads(call("--config", company.site_file, "events", "--json", "--source", "other").out) == []
    ended = call("--config", company.site_file, "events", "--source", "harbor")
    assert ended.code == 2
    assert "no entry is called harbor; configured are: quay, other" in " ".join(ended.err.split())
