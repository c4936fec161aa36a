"""`notify test` and `notify pending`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.company import Company
from tests.receiver import Receiver, receiving
from tests.registry_pipelines.cli.calling import call


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as made:
        monkeypatch.setenv("NOTIFY_URLS", f"{made.apprise('first')} {made.apprise('second')}")
        yield made


def test_every_address_is_tried_and_told_apart(company: Company, receiver: Receiver) -> None:
    company.configure(notifications=[{"urls": {"env": "NOTIFY_URLS"}, "environments": ["production"]}])
    receiver.answers["/second"] = 500
    ended = call("--config", company.site_file, "notify", "test", "--json")
    first, second = json.loads(ended.out)
    assert ended.code == 5
    assert (first["audience"], first["result"], first["environments"]) == (
        "{env: NOTIFY_URLS} 1, json", "told", "production",
    )  # fmt: skip
    assert "500" in second["result"]
    assert receiver.messages("/first")[0]["title"] == "registry_pipelines can reach you"
    assert "/second" not in ended.out + ended.err


def test_all_told_is_a_good_end(company: Company, receiver: Receiver) -> None:
    company.configure(notifications=[{"urls": {"env": "NOTIFY_URLS"}}])
    assert call("--config", company.site_file, "notify", "test").code == 0


def test_nobody_to_be_told_is_a_mistake_of_the_configuration(company: Company) -> None:
    ended = call("--config", company.site_file, "notify", "test")
    assert (ended.code, "names nobody" in ended.err) == (2, True)


def test_a_secret_that_is_not_there_ends_with_2_after_the_others_were_tried(
    company: Company, receiver: Receiver
) -> None:
    company.configure(notifications=[{"urls": {"env": "NOT_THERE_AT_ALL"}}, {"urls": {"env": "NOTIFY_URLS"}}])
    ended = call("--config", company.site_file, "notify", "test")
    assert (ended.code, "NOT_THERE_AT_ALL is not set" in ended.err) == (2, True)
    assert receiver.messages("/first")


def test_pending_shows_what_would_be_told_and_sends_nothing(company: Company, receiver: Receiver) -> None:
    company.configure(notifications=[{"urls": {"env": "NOTIFY_URLS"}, "about": ["evidence"]}])
    for _ in range(2):
        ended = call("--config", company.site_file, "notify", "pending", "--json")
        assert ended.code == 0
        assert [one["title"] for one in json.loads(ended.out)] == ["Evidence is stale: 3 new"] * 2
    assert receiver.received == []
