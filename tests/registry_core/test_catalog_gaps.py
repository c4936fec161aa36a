"""Gaps of a catalog: a few repositories may be unread, the list of them may not."""

from __future__ import annotations

import pytest

from registry_core.catalog_gaps import (
    LIST_OF_REPOSITORIES,
    unread_in_words,
    unread_repositories,
    unread_share,
    why_not_believed,
)
from registry_core.coverage import Coverage, Fault, Gap


def crawled(repositories: int, *unread: Gap) -> Coverage:
    """The list of repositories was asked for, and each of them."""
    return Coverage(asked=repositories + 1, answered=repositories + 1 - len(unread), gaps=unread)


def unread(name: str, fault: Fault = "forbidden", *, excused: bool = False) -> Gap:
    return Gap(name, fault, "the registry answered 403", excused)


@pytest.mark.parametrize(
    ("coverage", "believed"),
    [
        (crawled(0), True),
        (crawled(20), True),
        (crawled(20, unread("team/a")), True),
        (crawled(19, unread("team/a")), False),
        (crawled(1, unread("team/a")), False),
        (crawled(40, unread("team/a"), unread("team/b")), True),
        (crawled(40, unread("team/a"), unread("team/b"), unread("team/c")), False),
        (crawled(40, unread("team/a"), unread("team/a"), unread("team/a")), True),
        (crawled(2, unread("team/a", excused=True)), True),
        (crawled(40, unread(LIST_OF_REPOSITORIES)), False),
        (crawled(40, unread(LIST_OF_REPOSITORIES, excused=True)), True),
        (crawled(40, unread("the crawl")), False),
        (Coverage(asked=0, gaps=(unread("team/a"),)), False),
    ],
)
def test_what_is_believed_of_a_catalog(coverage: Coverage, believed: bool) -> None:
    assert (why_not_believed(coverage, most=0.05) is None) is believed


def test_the_limit_decides() -> None:
    half = crawled(4, unread("team/a"), unread("team/b"))
    assert why_not_believed(half, most=0.5) is None
    assert why_not_believed(half, most=0.49) is not None
    assert why_not_believed(crawled(40, unread("team/a")), most=0) is not None
    assert why_not_believed(crawled(1, unread("team/a")), most=1) is None
    assert why_not_believed(crawled(1, unread(LIST_OF_REPOSITORIES)), most=1) is not None


def test_a_refusal_names_the_share_the_limit_and_the_first_repositories() -> None:
    why = why_not_believed(crawled(10, *(unread(f"team/{name}") for name in "abcde")), most=0.05)
    assert why == (
        "5 of 10 repositories (50.0%) were not read and limits.max_unread_share is 5.0%: team/a: forbidden: the"
        " registry answered 403; team/b: forbidden: the registry answered 403; team/c: forbidden: the registry answered"
        " 403; and 2 more"
    )


def test_excused_gaps_keep_their_repository_and_do_not_count() -> None:
    coverage = crawled(10, unread("team/a"), unread("team/b", excused=True), unread("Harbor's own API", excused=True))
    assert set(unread_repositories(coverage)) == {"team/a", "team/b"}
    assert unread_share(coverage) == pytest.approx(0.1)


def test_unread_repositories_in_words() -> None:
    assert unread_in_words({}) == ""
    assert unread_in_words({"team/a": "forbidden: 403"}) == (
        "1 repository was not read whole, so all of it stays: team/a (forbidden: 403)"
    )
    many = unread_in_words({f"team/{name}": "throttled: later" for name in "edcba"})
    assert many.startswith("5 repositories were not read whole, so all of them stay: team/a (throttled: later), team/b")
    assert many.endswith(" and 2 more")
