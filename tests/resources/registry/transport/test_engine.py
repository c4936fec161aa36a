"""The engine: jobs that wait for each other, fail, and are cancelled."""

from __future__ import annotations

import time

import pytest

from resources.registry.transport.engine import Engine, pause, transfer
from resources.registry.transport.handles import Handles
from resources.registry.transport.messages import Answer, Request, origin, redacted
from resources.registry.transport.slots import Slots
from resources.registry.transport.trust import Trust
from tests.resources.registry.faulty_registry import FaultyRegistry, Reply


@pytest.fixture
def engine() -> Engine:
    return Engine(Handles(Trust(), 5.0), Slots(3))


async def _get(url: str, seconds: float = 0.0) -> Answer:
    if seconds:
        await pause(seconds)
    return await transfer(Request("GET", url, "get it"), url, [])


def test_a_job_gives_its_value_and_its_error(engine: Engine, faulty: FaultyRegistry) -> None:
    faulty.on("GET", "/x", Reply(200, b"body", {"X-Header": "one"}))
    answer = engine.run(_get(f"{faulty.url}/x"))
    assert (answer.status, answer.body, answer.header("x-header"), answer.header("none")) == (200, b"body", "one", None)

    async def fails() -> None:
        await pause(0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        engine.run(fails())
    assert engine.at_rest


def test_pauses_do_not_hold_others_up(engine: Engine) -> None:
    order: list[str] = []

    async def job(name: str, seconds: float) -> None:
        await pause(seconds)
        order.append(name)

    async def both() -> None:
        tasks = [engine.spawn(job("late", 0.1)), engine.spawn(job("early", 0.02))]
        for task in tasks:
            await task

    began = time.monotonic()
    engine.run(both())
    assert order == ["early", "late"]
    assert time.monotonic() - began < 0.5


def test_the_first_failure_of_many_ends_all(engine: Engine, faulty: FaultyRegistry) -> None:
    done: list[int] = []

    async def one(number: int) -> None:
        await transfer(Request("GET", f"{faulty.url}/x", "get it"), f"{faulty.url}/x", [])
        if number == 5:
            raise ZeroDivisionError
        done.append(number)

    with pytest.raises(ZeroDivisionError):
        engine.run(engine.each(range(1000), one))
    assert len(done) < 20
    for _ in range(5):
        engine.step()
    assert engine.at_rest


def test_no_more_transfers_than_slots(engine: Engine, faulty: FaultyRegistry) -> None:
    under_way = 0
    most = 0

    def slow(_: object) -> Reply:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        time.sleep(0.02)
        under_way -= 1
        return Reply(200)

    faulty.on("GET", "/x", slow)

    async def one(_: int) -> None:
        await _get(f"{faulty.url}/x")

    engine.run(engine.each(range(20), one, width=20))
    assert 1 < most <= 3


def test_a_cancelled_task_gives_its_slot_back(faulty: FaultyRegistry) -> None:
    slots = Slots(1)
    engine = Engine(Handles(Trust(), 5.0), slots)
    faulty.on("GET", "/slow", Reply(200, delay_seconds=0.5))
    faulty.on("GET", "/x", Reply(200, b"next"))
    task = engine.spawn(_get(f"{faulty.url}/slow"))
    engine.step()
    engine.cancel(task)
    assert engine.run(_get(f"{faulty.url}/x")).body == b"next"
    assert slots.take(streaming=False)


def test_an_address_that_is_none_fails_its_job_only(engine: Engine, faulty: FaultyRegistry) -> None:
    faulty.on("GET", "/x", Reply(200, b"fine"))
    for address in ("", "http://[broken", "nonsense://x/", "http://ho st/"):
        with pytest.raises(Exception, match="libcurl"):
            engine.run(_get(address))
    assert engine.run(_get(f"{faulty.url}/x")).body == b"fine"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@host:1/a/b?token=x#y", "https://host:1/a/b"),
        ("/v2/a?last=b", "/v2/a"),
        ("https://host", "https://host"),
    ],
)
def test_addresses_are_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert redacted(url) == shown


def test_the_default_port_is_the_same_place() -> None:
    assert origin("https://Registry.example.com/v2/") == origin("HTTPS://registry.example.com:443/x")
    assert origin("https://a") != origin("http://a")
    assert origin("https://a:444") != origin("https://a")
