"""Who is told what: once, and again only when it changes."""

from __future__ import annotations

from typing import Any

from registry_core.notices import Remembered, Telling, Topic, decide, for_audience

GROUP = "Findings in harbor"


def finding(name: str, **fields: Any) -> Topic:
    values = {"subject": "findings", "group": GROUP, "state": "error", "line": f"{name} is missing"}
    return Topic(key=name, **{**values, "gravity": "failure", **fields})


def after(tellings: tuple[Telling, ...], told: dict[str, Remembered] | None = None) -> dict[str, Remembered]:
    """What is remembered when all of it was delivered."""
    known = dict(told or {})
    for telling in tellings:
        for key, one in telling.remember.items():
            if one is None:
                del known[key]
            else:
                known[key] = one
    return known


def messages(tellings: tuple[Telling, ...]) -> list[str]:
    return [f"{one.message.title} | {one.message.body}" for one in tellings if one.message]


def test_what_is_new_is_told_together_and_once() -> None:
    topics = [finding("a"), finding("b")]
    first = decide(topics, {}, looked_at=[GROUP])
    assert messages(first) == ["Findings in harbor: 2 new | - a is missing\n- b is missing"]
    assert decide(topics, after(first), looked_at=[GROUP]) == ()


def test_what_was_not_delivered_is_decided_again() -> None:
    assert messages(decide([finding("a")], {}, looked_at=[])) == messages(decide([finding("a")], {}, looked_at=[]))


def test_a_change_of_state_is_told_again() -> None:
    told = after(decide([finding("a", state="warning")], {}, looked_at=[GROUP]))
    assert messages(decide([finding("a")], told, looked_at=[GROUP])) == ["Findings in harbor | a is missing"]


def test_other_words_for_the_same_state_are_no_news() -> None:
    told = after(decide([finding("a")], {}, looked_at=[GROUP]))
    assert decide([finding("a", line="a is missing since 3 hours")], told, looked_at=[GROUP]) == ()


def test_the_end_of_a_finding_is_told_as_good_news() -> None:
    told = after(decide([finding("a")], {}, looked_at=[GROUP]))
    ended = decide([], told, looked_at=[GROUP])
    assert messages(ended) == ["Findings in harbor | no longer found: a is missing"]
    assert ended[0].message is not None
    assert ended[0].message.gravity == "success"
    assert after(ended, told) == {}


def test_what_could_not_be_looked_at_is_not_told_as_mended() -> None:
    told = after(decide([finding("a")], {}, looked_at=[GROUP]))
    assert decide([], told, looked_at=[]) == ()


def test_a_topic_that_comes_back_is_told_again() -> None:
    told = after(decide([finding("a")], {}, looked_at=[GROUP]))
    told = after(decide([], told, looked_at=[GROUP]), told)
    assert messages(decide([finding("a")], told, looked_at=[GROUP]))


def test_a_topic_that_is_no_longer_for_this_audience_is_forgotten_in_silence() -> None:
    told = after(decide([finding("a")], {}, looked_at=[GROUP]))
    [silent] = decide([], told, looked_at=[GROUP], standing=["a"])
    assert silent.message is None
    assert after((silent,), told) == {}


def test_a_plan_that_was_decided_over_is_forgotten_in_silence() -> None:
    plan = Topic("p", "plans", "A plan waits", "waiting", "5 images", link="https://dagster.example.com/x")
    first = decide([plan], {}, looked_at=[])
    assert first[0].message is not None
    assert first[0].message.text == "5 images\n\nhttps://dagster.example.com/x"
    [silent] = decide([], after(first), looked_at=[])
    assert silent.message is None


def test_what_is_older_than_the_audience_is_remembered_and_not_told() -> None:
    old = Topic("e", "executions", "Eviction is done", "done", "last year", quiet=True)
    [silent] = decide([old], {}, looked_at=[])
    assert silent.message is None
    assert list(after((silent,))) == ["e"]


def test_a_flood_is_counted_and_not_listed() -> None:
    [telling] = decide([finding(str(number)) for number in range(500)], {}, looked_at=[])
    assert telling.message is not None
    assert telling.message.title == "Findings in harbor: 500 new"
    assert telling.message.body.endswith("- and 490 more")
    assert len(telling.remember) == 500


def test_the_gravest_is_told_first() -> None:
    stale = Topic("s", "evidence", "Evidence is stale", "stale", "old", "warning")
    titles = [telling.message.title for telling in decide([stale, finding("a")], {}, looked_at=[]) if telling.message]
    assert titles == [GROUP, "Evidence is stale"]


def test_an_audience_hears_its_subjects_and_its_environments() -> None:
    topics = [
        finding("production", environments=frozenset({"production", "staging"})),
        finding("testing", environments=frozenset({"testing"})),
        Topic("everywhere", "evidence", "Evidence is stale", "stale", "catalog"),
        Topic("plan", "plans", "A plan waits", "waiting", "5 images"),
    ]
    chosen = for_audience(topics, about=["findings", "evidence"], environments=["production"])
    assert [topic.key for topic in chosen] == ["production", "everywhere"]
    assert len(for_audience(topics, about=["findings"], environments=[])) == 2
