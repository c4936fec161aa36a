"""Replication: what a rule is, which tags it may move, when events make a run, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from registry_core.copy_rule import CopyRule, Selection
from registry_core.coverage import Gap
from registry_core.deployed_versions import CatalogSeen
from registry_core.errors import Refused
from registry_core.migration_entries import MigrationEntry, MigrationOutcome
from registry_core.migration_words import Chosen
from registry_core.replication import ReplicationRule
from registry_core.replication_events import MOST_GATHERED, QUIET, due_events
from registry_core.replication_following import Following
from registry_core.replication_judgement import judge_replication
from registry_core.replication_status import (
    ReplicatedImage,
    ReplicatedTag,
    ReplicationJournal,
    ReplicationStatus,
    RunsSoFar,
    SourceSeen,
)
from registry_core.replication_words import DELETED, DETAIL_COLUMNS, STATUS_COLUMNS, detail_rows, status_row
from tests.registry_core.deployment import leaves_out, seen
from tests.registry_core.small_registry import AS_OF, SmallRegistry, digest

RULE = CopyRule(name="copy", source="ours", destination="theirs", selection=Selection(repositories=("web",), all=True))
LATER, EARLIER = AS_OF + timedelta(hours=1), AS_OF - timedelta(hours=1)


# The rule


def test_the_same_rule_has_the_same_fingerprint_and_any_change_another() -> None:
    rule = ReplicationRule(RULE)
    assert rule.fingerprint == ReplicationRule(RULE).fingerprint
    others = [
        ReplicationRule(RULE, revision=2),
        ReplicationRule(replace(RULE, destination="elsewhere")),
        ReplicationRule(replace(RULE, on_conflict="overwrite")),
        ReplicationRule(replace(RULE, selection=Selection(repositories=("**",), all=True))),
    ]
    assert len({rule.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_a_rule_is_read_back_from_what_was_filed() -> None:
    rule = ReplicationRule(RULE)
    assert ReplicationRule.from_json(rule.to_bytes(), expected=rule.fingerprint) == rule
    with pytest.raises(Refused, match="was changed"):
        ReplicationRule.from_json(rule.to_bytes().replace(b"theirs", b"mine"), expected=rule.fingerprint)
    (row,) = rule.rows()
    assert (row["from"], row["to"], row["what"]) == ("ours", "theirs", "repositories: web; all: yes")


# Events


@dataclass(frozen=True)
class Told:
    id: int
    repository: str = "web"
    registry: str = "ours"
    received_at: datetime = AS_OF


def test_ten_pushes_in_a_second_are_one_run() -> None:
    events = [Told(number, received_at=AS_OF + timedelta(milliseconds=100 * number)) for number in range(10)]
    assert due_events(events, [RULE], now=AS_OF + timedelta(seconds=5)).runs == {}
    due = due_events(events, [RULE], now=AS_OF + timedelta(seconds=1) + QUIET)
    assert due.runs == {"copy": tuple(range(10))}
    assert due.taken == tuple(range(10))


def test_a_registry_that_is_pushed_to_all_day_does_not_wait_for_the_night() -> None:
    events = [Told(number, received_at=AS_OF + timedelta(seconds=number)) for number in range(61)]
    assert due_events(events[:30], [RULE], now=events[29].received_at).runs == {}
    assert due_events(events, [RULE], now=AS_OF + MOST_GATHERED).runs.keys() == {"copy"}


def test_an_event_that_concerns_nobody_is_put_away_and_one_may_concern_two() -> None:
    other = replace(RULE, name="other", destination="third")
    now = AS_OF + QUIET
    events = [Told(1), Told(2, repository="api"), Told(3, registry="theirs")]
    due = due_events(events, [RULE, other], now=now)
    assert due.runs == {"copy": (1,), "other": (1,)}
    assert due.for_nobody == (2, 3)
    assert due_events(events, [], now=now).for_nobody == (1, 2, 3)


# Tags that may be moved


def entry(**fields: Any) -> MigrationEntry:
    known = {"repository": "web", "digest": digest("new"), "tags": ("latest",), "to_repository": "web", "word": "copy"}
    return MigrationEntry(**{**known, **fields})


def image(
    name: str = "new", *tags: str, word: Any = "copied", at: datetime = EARLIER, **fields: Any
) -> ReplicatedImage:
    known: dict[str, Any] = {"why": "", "since": at, "at": at, "to_repository": "web", "repository": "web"}
    return ReplicatedImage(digest=digest(name), tags=tags, word=word, **{**known, **fields})


def put(tag: str, name: str, at: datetime = EARLIER) -> ReplicatedTag:
    return ReplicatedTag(repository="web", to_repository="web", tag=tag, digest=digest(name), at=at)


def test_a_tag_is_moved_only_from_where_this_rule_put_it() -> None:
    following = Following.of(RULE, ReplicationJournal([], [put("latest", "old")]))
    assert following.look_by.on_conflict == "overwrite"
    ours, theirs = entry(overwrites={"latest": digest("old")}), entry(overwrites={"latest": digest("foreign")})
    assert following.judge(ours) == ours
    assert following.judge(theirs).word == "conflict"
    assert "which this replication did not write" in following.judge(theirs).why
    assert Following.of(RULE, ReplicationJournal()).judge(ours).word == "conflict"


def test_a_rule_that_overwrites_is_taken_at_its_word() -> None:
    following = Following.of(replace(RULE, on_conflict="overwrite"), ReplicationJournal())
    asked = entry(overwrites={"latest": digest("foreign")})
    assert following.allowed(asked) == asked


def test_since_goes_on_while_it_fails_and_begins_anew_when_it_is_mended() -> None:
    failed = MigrationOutcome(word="failed", why="throttled")
    following = Following.of(RULE, ReplicationJournal([image(word="failed")]))
    assert following.noted(entry(), ("latest",), failed, at=LATER, run_id="r").since == EARLIER
    assert following.noted(entry(), ("latest",), MigrationOutcome(word="copied"), at=LATER, run_id="r").since == LATER


def test_what_is_known_to_be_there_is_not_written_down_again() -> None:
    following = Following.of(RULE, ReplicationJournal([image("new", "latest")], [put("latest", "new")]))
    assert following.knows(entry())
    assert not following.knows(entry(tags=("latest", "v1")))
    moved = Following.of(RULE, ReplicationJournal([image("new", "latest")], [put("latest", "other")]))
    assert not moved.knows(entry())


# How it stands


def holding(name: str, *images: str) -> SmallRegistry:
    made = SmallRegistry(name)
    for one in images:
        made.image("web", one, one)
    return made


def judged(
    source: SmallRegistry,
    destination: SmallRegistry | CatalogSeen,
    *,
    journal: ReplicationJournal | None = None,
    gaps: tuple[Gap, ...] = (),
    rule: CopyRule = RULE,
    source_seen: dict[str, Any] | None = None,
    **given: Any,
) -> ReplicationStatus:
    """The status of a rule that takes every tag of `web`."""
    chosen = [
        Chosen(repository="web", digest=row["digest"], tags=(row["tag"],), reasons=("all is copied",))
        for row in source.tags
        if row["repository"] == "web"
    ]
    there = destination if isinstance(destination, CatalogSeen) else seen(destination)
    known: dict[str, Any] = {"fingerprint": "ab" * 32, "standing": "in force", "runs": None}
    return judge_replication(
        rule,
        SourceSeen(chosen=chosen, seen=seen(source, *gaps, **(source_seen or {}))),
        there,
        journal or ReplicationJournal(),
        **{**known, **given},
    )


def lags(found: ReplicationStatus) -> dict[str, str]:
    return {one.tags[0]: one.lag for one in found.behind}


def test_in_step_is_the_same_digest_under_the_same_tag() -> None:
    found = judged(holding("ours", "1", "2"), holding("theirs", "1", "2"))
    assert (found.state, found.in_step, found.behind) == ("in step", 2, ())


def test_behind_is_told_image_by_image() -> None:
    theirs = holding("theirs", "1")
    theirs.image("web", "foreign", "2")
    theirs.image("web", "3")
    found = judged(holding("ours", "1", "2", "3"), theirs)
    assert (found.state, lags(found)) == ("behind", {"2": "not there", "3": "tag elsewhere"})


def test_a_rule_that_keeps_tags_of_the_destination_is_in_step_beside_them() -> None:
    theirs = holding("theirs", "1")
    theirs.image("web", "foreign", "2")
    theirs.image("web", "2")
    assert judged(holding("ours", "1", "2"), theirs).state == "behind"
    assert judged(holding("ours", "1", "2"), theirs, rule=replace(RULE, on_conflict="keep")).state == "in step"


def test_one_platform_of_two_is_not_in_step() -> None:
    ours, theirs = SmallRegistry("ours"), SmallRegistry("theirs")
    for held in (ours, theirs):
        held.image("web", "index", "v1", children=["amd64", "arm64"])
        held.image("web", "amd64", os="linux", architecture="amd64")
    ours.image("web", "arm64", os="linux", architecture="arm64")
    assert lags(judged(ours, theirs)) == {"v1": "part only"}
    theirs.image("web", "arm64", os="linux", architecture="arm64")
    assert judged(ours, theirs).state == "in step"


@pytest.mark.parametrize(
    "theirs",
    [
        CatalogSeen("theirs", ("theirs",), None, None),
        seen(SmallRegistry("theirs"), Gap("web", "forbidden", "no")),
        seen(SmallRegistry("theirs"), Gap("*", "unreachable", "no")),
        seen(SmallRegistry("theirs"), **leaves_out("web")),
    ],
)
def test_what_could_not_be_read_is_neither_in_step_nor_behind(theirs: CatalogSeen) -> None:
    found = judged(holding("ours", "1"), theirs)
    assert (found.state, lags(found)) == ("unknown", {"1": "unknown"})


def test_a_gap_of_the_source_leaves_it_unknown_whether_it_is_in_step() -> None:
    found = judged(holding("ours", "1"), holding("theirs", "1"), gaps=(Gap("other", "throttled", "later"),))
    assert (found.state, found.behind) == ("unknown", ())


def test_what_was_copied_after_the_destination_was_crawled_counts_as_there() -> None:
    ours, theirs = holding("ours", "1"), holding("theirs")
    assert judged(ours, theirs).state == "behind"
    copied = ReplicationJournal([image("1", "1", at=LATER)], [put("1", "1", LATER)])
    assert judged(ours, theirs, journal=copied).state == "in step"
    before = ReplicationJournal([image("1", "1", at=EARLIER)], [put("1", "1", EARLIER)])
    assert lags(judged(ours, theirs, journal=before)) == {"1": "not there"}, "it was deleted there since"


@pytest.mark.parametrize(("word", "lag"), [("failed", "failing"), ("conflict", "conflict")])
def test_failing_is_told_since_when_and_why(word: str, lag: str) -> None:
    tried = ReplicationJournal([image("1", "1", word=word, why="quota exceeded", since=EARLIER, at=LATER)])
    found = judged(holding("ours", "1"), holding("theirs"), journal=tried)
    assert (found.state, lags(found), found.failing_since) == ("failing", {"1": lag}, EARLIER)
    assert (
        status_row(found)["why"] == f"1 {'failing' if lag == 'failing' else 'in conflict'}; first web:1: quota exceeded"
    )
    mended = judged(holding("ours", "1"), holding("theirs", "1"), journal=ReplicationJournal(
        [replace(tried.images[0], at=EARLIER)]))  # fmt: skip
    assert mended.state == "in step", "the destination was crawled since, and has it"


def test_a_run_that_fails_makes_it_failing_whatever_the_catalogs_say() -> None:
    runs = RunsSoFar(
        began_at=LATER,
        ended_at=LATER,
        ended_well_at=EARLIER,
        failing_since=AS_OF,
        why="theirs is down",
        trigger="event",
    )
    found = judged(holding("ours", "1"), holding("theirs", "1"), runs=runs)
    assert (found.state, found.failing_since) == ("failing", AS_OF)
    assert status_row(found)["why"] == "theirs is down"


@pytest.mark.parametrize("standing", ["waiting", "rejected"])
def test_a_rule_that_is_not_approved_is_told_before_everything_else(standing: Any) -> None:
    assert judged(holding("ours", "1"), holding("theirs"), standing=standing).state == "not approved"


def test_a_deletion_at_the_source_is_told_as_long_as_the_destination_has_it() -> None:
    journal = ReplicationJournal([image("old", "v0")], [put("v0", "old")])
    ours, theirs = holding("ours", "1"), holding("theirs", "1")
    theirs.image("web", "old", "v0")
    found = judged(ours, theirs, journal=journal)
    assert [(one.tag, one.digest) for one in found.gone] == [("v0", digest("old"))]
    assert found.state == "in step"
    rows = list(detail_rows(found))
    assert [row["lag"] for row in rows] == [DELETED]
    assert all(tuple(row) == DETAIL_COLUMNS for row in rows)
    assert tuple(status_row(found)) == STATUS_COLUMNS
    assert judged(ours, holding("theirs", "1"), journal=journal).gone == (), "it is gone there too"
    assert judged(ours, theirs, journal=journal, gaps=(Gap("web", "forbidden", "no"),)).gone == (), "nobody knows"
    moved = holding("theirs", "1")
    moved.image("web", "theirs", "v0")
    assert judged(ours, moved, journal=journal).gone == (), "somebody else's by now"
    unasked = judged(ours, theirs, journal=journal, source_seen={"answered": frozenset()})
    assert (unasked.gone, unasked.state) == ((), "in step"), "the crawl left that repository out"
    newer = ReplicationJournal([image("old", "v0", at=LATER)], [put("v0", "old", LATER)])
    assert judged(ours, theirs, journal=newer).gone == (), "the source was read before it was copied"


def test_a_source_that_has_nothing_left_has_deleted_nothing() -> None:
    journal = ReplicationJournal([image("1", "1")], [put("1", "1")])
    ours, theirs = SmallRegistry("ours"), holding("theirs", "1")
    ours.image("other", "other", "1")
    found = judged(ours, theirs, journal=journal, source_seen={"answered": frozenset({"web", "other"})})
    assert (found.gone, found.state) == ((), "unknown")
    assert "a registry that was lost looks the same" in status_row(found)["why"]
