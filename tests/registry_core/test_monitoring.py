"""The check's answers, line by line as the predecessor gave them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from registry_core.coverage import Gap
from registry_core.monitoring import CheckAnswer, Moment, State, answer_check, one_line
from registry_core.monitoring_evidence import SourceEvidence, span_in_words
from registry_core.monitoring_troubles import Trouble
from registry_core.monitoring_uses import Ground
from tests.registry_core.monitored import HOST, NOW

OLD = Moment(NOW, timedelta(days=3))
YOUNG = Moment(NOW, timedelta(seconds=299))


def source(kind: str = "inventory", name: str = "main", *, age: timedelta | None = timedelta(minutes=5),
           whole: timedelta | None = timedelta(minutes=5), needed: bool = True) -> SourceEvidence:  # fmt: skip
    return SourceEvidence(
        kind,
        name,
        read_at=None if age is None else NOW - age,
        whole_at=None if age is None or whole is None else NOW - whole,
        max_age=timedelta(hours=2),
        needed=needed,
        gaps=() if age == whole else (Gap("v1 pods", "forbidden", "pods is forbidden"),),
    )


def trouble(name: str, ground: Ground = "prod", *, wrongs: tuple[str, ...] = ("no digest",), on: tuple[str, ...] = (),
            ran: tuple[str, ...] = (), failing_in: str = "") -> Trouble:  # fmt: skip
    return Trouble(f"{HOST}/{name}", wrongs, ("main;shop",), (), ground, on, ran, frozenset(failing_in.split()))


FRESH = [source(), source("catalog", "registry"), source("usage", "registry"), source("health", "registry")]


def lines(answer: CheckAnswer) -> list[str]:
    return answer.text.splitlines()


def test_nothing_is_missing() -> None:
    answer = answer_check(FRESH, (), OLD)
    assert answer.text == "OK: No missing images anywhere\n"
    assert (answer.exit_code, answer.healthy) == (0, True)


def test_critical_is_a_pull_error_in_production() -> None:
    found = [
        trouble("shop/web:v1", on=("node1", "node2"), failing_in="main"),
        trouble("shop/job:v2", wrongs=("ImagePullBackOff",), failing_in="main"),
        trouble("shop/old:v3", on=("node3",)),
        trouble("shop/gone:v4", "staging"),
        trouble("lab/a:v5", "other"),
        trouble("lab/b:v6", "other", ran=("node9",)),
    ]
    answer = answer_check(FRESH, found, OLD)
    assert lines(answer) == [
        "CRITICAL: Missing images: 2 ImagePullBackOff errors in prod. Otherwise: 1 image problems in prod,"
        " 1 in staging, and 2 in other namespaces",
        f"ImagePullBackOff: {HOST}/shop/web:v1 (but is running on: node1, node2)",
        f"ImagePullBackOff: {HOST}/shop/job:v2 (and not running anywhere)",
        f"['no digest']: {HOST}/shop/old:v3 (is running on: node3)",
        f"['no digest']: {HOST}/shop/gone:v4 (and not running anywhere)",
        f"['no digest']: {HOST}/lab/a:v5 (and not running anywhere)",
        f"['no digest']: {HOST}/lab/b:v6 (has run on: node9)",
    ]
    assert (answer.exit_code, answer.healthy) == (2, True)


def test_warning_is_a_lost_image_in_production() -> None:
    found = [
        trouble("lab/a:v5", "other"),
        trouble("shop/old:v3", on=("node1", "node2")),
        trouble("shop/x:v1", wrongs=("no digest", "no manifest")),
    ]
    answer = answer_check(FRESH, found, OLD)
    assert lines(answer) == [
        "WARNING: Missing images: 0 ImagePullBackOff errors in prod, 2 errors in prod, 0 in staging,"
        " and 1 in other namespaces",
        f"['no digest']: {HOST}/shop/old:v3 (is running on: node1, node2)",
        f"['no digest', 'no manifest']: {HOST}/shop/x:v1 (and not running anywhere)",
        f"['no digest']: {HOST}/lab/a:v5 (and not running anywhere)",
    ]
    assert answer.exit_code == 1


def test_staging_alone_is_a_warning() -> None:
    answer = answer_check(FRESH, [trouble("a:1", "staging"), trouble("b:1", "other")], OLD)
    assert answer.first == "WARNING: Missing images: 1 errors in stage and 1 in other namespaces"


def test_elsewhere_it_is_well() -> None:
    answer = answer_check(FRESH, [trouble("a:1", "other"), trouble("b:1", "other")], OLD)
    assert answer.first == "OK: Missing images: 2 errors in non-production, non-stage namespaces"
    assert answer.exit_code == 0


def test_a_service_that_has_just_started_waits() -> None:
    never = [source(age=None), *FRESH[1:]]
    assert answer_check(never, None, YOUNG).first == "OK: No registry check available yet"
    assert answer_check([], None, YOUNG).first == "OK: No registry check available yet"


def test_later_it_is_an_error_that_says_what_is_missing() -> None:
    answer = answer_check([source(age=None), *FRESH[1:]], None, OLD)
    assert lines(answer) == [
        "ERROR: Registry check is unavailable and pod is old enough!",
        "inventory of main was never read",
    ]
    assert (answer.exit_code, answer.healthy) == (3, False)


def test_where_nothing_is_configured_nothing_is_well() -> None:
    assert answer_check([], None, OLD).state == "ERROR"


@pytest.mark.parametrize("moment", [OLD, YOUNG])
def test_stale_evidence_is_never_well(moment: Moment) -> None:
    answer = answer_check([source(age=timedelta(hours=5), whole=timedelta(hours=5)), *FRESH[1:]], (), moment)
    assert answer.first == (
        "ERROR: Registry check is out of date: inventory of main is 5 hours old, older than 2 hours"
    )
    assert not answer.healthy


@pytest.mark.parametrize("kind", ["catalog", "usage", "health"])
def test_each_kind_of_evidence_can_be_stale(kind: str) -> None:
    old = source(kind, "registry", age=timedelta(hours=3), whole=timedelta(hours=3))
    assert answer_check([*FRESH, old], (), OLD).state == "ERROR"


def test_what_was_never_read_whole_is_stale_and_says_what_was_not_read() -> None:
    answer = answer_check([source(whole=None), *FRESH[1:]], (), OLD)
    assert answer.first == (
        "ERROR: Registry check is out of date: inventory of main was never read whole; not read: v1 pods: forbidden:"
        " pods is forbidden"
    )


def test_a_part_that_failed_once_is_not_stale_while_the_whole_is_young() -> None:
    assert answer_check([source(whole=timedelta(hours=1)), *FRESH[1:]], (), OLD).state == "OK"


def test_a_snapshot_from_the_future_is_not_believed() -> None:
    ahead = source(age=-timedelta(hours=1), whole=-timedelta(hours=1))
    assert "60 minutes in the future" in answer_check([ahead, *FRESH[1:]], (), OLD).first


def test_a_pull_error_that_a_fresh_cluster_reports_is_certain_though_another_is_stale() -> None:
    stale = source(name="other", age=timedelta(hours=5), whole=timedelta(hours=5))
    answer = answer_check([*FRESH, stale], [trouble("a:1", failing_in="main")], OLD)
    assert answer.state == "CRITICAL"
    assert lines(answer)[-1] == "not known: inventory of other is 5 hours old, older than 2 hours"


def test_a_pull_error_that_only_a_stale_cluster_reported_is_not_known() -> None:
    stale = source(age=timedelta(hours=5), whole=timedelta(hours=5))
    assert answer_check([stale, *FRESH[1:]], [trouble("a:1", failing_in="main")], OLD).state == "ERROR"


def test_a_cluster_that_is_not_required_spoils_nothing() -> None:
    assert answer_check([*FRESH, source(name="lab", age=None, needed=False)], (), OLD).state == "OK"


@pytest.mark.parametrize(
    ("found", "state"),
    [((), "OK"), ((trouble("shop/web:v1"),), "WARNING"), ((trouble("shop/web:v1", failing_in="main"),), "CRITICAL")],
)
def test_what_a_fresh_catalog_could_not_read_is_named_below_every_answer(
    found: tuple[Trouble, ...], state: State
) -> None:
    gaps = tuple(Gap(f"team/{number}", "forbidden", "403 TOKEN_BROKEN") for number in range(12))
    catalog = replace(source("catalog", "registry"), gaps=gaps)
    answer = answer_check([FRESH[0], catalog, *FRESH[2:]], found, OLD)
    assert answer.state == state
    remarks = [line for line in answer.lines if line.startswith("not known: ")]
    assert remarks[0] == "not known: catalog of registry: team/0 is forbidden"
    assert remarks[-1] == "not known: 2 more places"
    assert len(remarks) == 11
    assert "OK" not in "".join(remarks)


def test_no_line_below_the_first_speaks_a_state() -> None:
    stale = source(name="other", age=timedelta(hours=5), whole=timedelta(hours=5))
    answer = answer_check([*FRESH, stale], [trouble("a:1", failing_in="main")], OLD)
    below = "\n".join(answer.lines)
    assert not any(word in below for word in ("OK", "WARNING", "CRITICAL", "ERROR", "UNKNOWN"))


def test_a_reference_with_line_breaks_stays_on_its_line() -> None:
    assert one_line("a\nOK: fine|x=1") == "a\\nOK: fine¦x=1"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=24), "24 hours"),
        (timedelta(hours=5, minutes=59), "5 hours"),
        (timedelta(days=3, hours=2), "3 days"),
    ],
)
def test_spans_are_told_in_one_unit(span: timedelta, words: str) -> None:
    assert span_in_words(span) == words
