"""Push events in the database: noted once, whoever sends them how often, and taken up once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from registry_core.push_events import PushEvent
from resources.database import push_events
from resources.database.history import History
from resources.database.push_events import KEPT, Delivery

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
PUSH = PushEvent("push", "shop/web", "v1", "sha256:" + "ab" * 32, NOW, "r.example.com", "id-1")


def delivery(*events: PushEvent, body: str = "a" * 64, source: str = "harbor", at: datetime = NOW) -> Delivery:
    return Delivery(source, "registry", events, body, 500, at)


def test_what_was_noted_is_read_back_whole(history: History) -> None:
    assert history.push_events.note(delivery(PUSH)) == 1
    (found,) = history.push_events.waiting()
    assert (found.source, found.registry, found.action, found.repository, found.tag) == (
        "harbor", "registry", "push", "shop/web", "v1",
    )  # fmt: skip
    assert (found.digest, found.happened_at, found.received_at, found.taken_at) == (PUSH.digest, NOW, NOW, None)


def test_the_same_delivery_twice_is_one_row(history: History) -> None:
    events = (PUSH, replace(PUSH, delivery="id-2"), replace(PUSH, delivery="id-2"))
    assert history.push_events.note(delivery(*events)) == 2
    assert history.push_events.note(delivery(*events, at=NOW + timedelta(minutes=5))) == 0
    assert history.push_events.note(delivery(*events, source="another")) == 2


def test_without_an_id_the_body_says_whether_it_is_the_same(history: History) -> None:
    one = replace(PUSH, delivery=None)
    assert history.push_events.note(delivery(one, one)) == 2, "two events of one body are two"
    assert history.push_events.note(delivery(one, one)) == 0
    assert history.push_events.note(delivery(one, body="b" * 64)) == 1


def test_a_vendor_without_time_and_id_can_push_a_tag_again_once_the_first_was_taken_up(history: History) -> None:
    blind = PushEvent("push", "shop/web", "latest")
    later = [NOW + timedelta(seconds=number) for number in range(3)]
    assert history.push_events.note(delivery(blind, at=later[0])) == 1
    assert history.push_events.note(delivery(blind, at=later[1])) == 0
    (first,) = history.push_events.waiting()
    assert history.push_events.take([first.id], "run", NOW) == 1
    assert history.push_events.note(delivery(blind, at=later[2])) == 1


def test_an_event_is_taken_up_once(history: History) -> None:
    history.push_events.note(delivery(PUSH, replace(PUSH, delivery="id-2")))
    ids = [event.id for event in history.push_events.waiting()]
    assert history.push_events.take(ids[:1], "first", NOW) == 1
    assert history.push_events.take(ids, "second", NOW) == 1
    assert history.push_events.waiting() == []
    assert [event.taken_by for event in history.push_events.newest()] == ["second", "first"]
    assert history.push_events.take([], "third", NOW) == 0


def test_old_events_are_forgotten_and_numbers_are_never_given_again(history: History) -> None:
    history.push_events.note(delivery(PUSH))
    (old,) = history.push_events.waiting()
    much_later = NOW + KEPT + timedelta(days=1)
    history.push_events.note(delivery(PUSH, at=much_later))
    assert [event.id for event in history.push_events.newest()] == [old.id], "it was there already"
    history.push_events.note(delivery(replace(PUSH, delivery="id-2"), at=much_later))
    (new,) = history.push_events.newest()
    assert new.id > old.id


def test_a_large_delivery_asks_the_database_only_a_few_times(history: History) -> None:
    """Each event that nothing tells apart was a look through the table: a minute for a body of 1 MB."""
    blind = [PushEvent("push", f"shop/{number}", "latest") for number in range(2_000)]
    statements: list[str] = []
    with counted(statements):
        assert history.push_events.note(delivery(*blind)) == 2_000
        assert history.push_events.note(delivery(*blind, at=NOW + timedelta(seconds=1))) == 0
    assert len([one for one in statements if one.startswith("SELECT")]) < 30
    named = [replace(PUSH, delivery=f"id {number}") for number in range(2_000)]
    assert history.push_events.note(delivery(*named)) == 2_000
    assert history.push_events.note(delivery(*named)) == 0


def test_of_one_source_only_the_newest_events_are_kept(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_events, "MOST_KEPT", 5)
    history.push_events.note(delivery(PUSH, source="another"))
    for number in range(4):
        events = [replace(PUSH, delivery=f"{number} {each}") for each in range(3)]
        assert history.push_events.note(delivery(*events)) == 3
    found = history.push_events.newest()
    assert [event.source for event in found] == ["harbor"] * 5 + ["another"]
    assert found[0].id == 13


@contextmanager
def counted(statements: list[str]) -> Iterator[None]:
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_deliveries_that_arrive_together_are_few_transactions(history: History) -> None:
    history.migrate()
    start = threading.Barrier(40)

    def send(number: int) -> None:
        start.wait(30)
        for each in range(10):
            history.push_events.note(delivery(replace(PUSH, delivery=f"{number} {each}")))

    inserts: list[str] = []
    threads = [threading.Thread(target=send, args=(number,)) for number in range(40)]
    with counted(inserts):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(history.push_events.newest(limit=1000)) == 400
    assert len([one for one in inserts if one.startswith("INSERT")]) < 400  # one each would be 400


def test_what_one_delivery_of_a_transaction_told_is_known_to_the_next(history: History) -> None:
    blind = PushEvent("push", "shop/web", "latest")
    both = [delivery(PUSH), delivery(PUSH, blind), delivery(blind, body="b" * 64), delivery(PUSH, source="other")]
    assert history.push_events._note_all(both) == [1, 1, 1, 1]
    later = [delivery(blind, body="b" * 64, at=NOW + timedelta(seconds=number)) for number in (1, 2)]
    assert history.push_events._note_all(later) == [0, 0]


@pytest.mark.parametrize("ids", [True, False])
def test_senders_at_once_make_one_row_of_one_delivery(history: History, ids: bool) -> None:
    event = PUSH if ids else PushEvent("push", "shop/web", "latest")
    told: list[int] = []
    threads = [
        threading.Thread(target=lambda: told.append(history.push_events.note(delivery(event)))) for _ in range(8)
    ]
    history.migrate()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(told) == [0] * 7 + [1]
