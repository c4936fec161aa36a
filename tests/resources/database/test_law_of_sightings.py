"""The law: whatever snapshots came, whole or not, a reading at any time tells what a naive model tells.

The model keeps every state in full: a copy for each snapshot, which the real one is there to avoid.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry_core.catalog import RepositoryCrawled
from resources.database.history import History
from tests.resources.database.readings import coverage, digest, hour, repository

_REPOSITORIES = ("a", "b", "c")
_TAGS = st.dictionaries(st.sampled_from(["v1", "v2", "v3"]), st.sampled_from(["x", "y", None]), max_size=3)


@dataclass(frozen=True)
class Crawl:
    """What one snapshot reads: tags of each repository, which of them in part, whether the list was whole."""

    read: dict[str, dict[str, str | None]]
    gaps: frozenset[str]
    listed: frozenset[str] | None


@st.composite
def _crawls(draw: st.DrawFn) -> Crawl:
    read = draw(st.dictionaries(st.sampled_from(_REPOSITORIES), _TAGS, max_size=3))
    gaps = draw(st.frozensets(st.sampled_from(sorted(read)), max_size=3)) if read else frozenset()
    listed = draw(st.none() | st.frozensets(st.sampled_from(_REPOSITORIES)))
    return Crawl(read, gaps, listed)


@dataclass
class Model:
    """(repository, tag, target) → hours of first and last sighting. None as target: could not be read."""

    rows: dict[tuple[str, str, str | None], tuple[int, int]] = field(default_factory=dict)

    def take(self, crawl: Crawl, at: int) -> None:
        for key in list(self.rows):
            if self._gone(key, crawl):
                del self.rows[key]
        whole = {name for name in crawl.read if name not in crawl.gaps}
        for key, (first, _) in list(self.rows.items()):
            if key[0] in whole:
                self.rows[key] = (first, at)
        for name, tags in crawl.read.items():
            for tag, target in tags.items():
                first, _ = self.rows.get((name, tag, target), (at, at))
                self.rows[name, tag, target] = (first, at)

    def _gone(self, key: tuple[str, str, str | None], crawl: Crawl) -> bool:
        name, tag, target = key
        if name not in crawl.read:
            return crawl.listed is not None and name not in crawl.listed
        tags = crawl.read[name]
        if tag not in tags:
            return name not in crawl.gaps
        return tags[tag] is not None and tags[tag] != target


@pytest.fixture
def registries() -> count[int]:
    return count()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(crawls=st.lists(_crawls(), min_size=1, max_size=6))
def test_reading_at_any_time_is_what_a_copy_of_each_snapshot_would_tell(
    history: History, registries: count[int], crawls: list[Crawl]
) -> None:
    registry = f"registry-{next(registries)}"
    model, then = Model(), {}
    for at, crawl in enumerate(crawls, start=1):
        _store(history, registry, crawl, at)
        model.take(crawl, at)
        then[at] = copy.deepcopy(model.rows)
        assert _read(history, registry) == model.rows
    for at, rows in then.items():
        for minutes_later in (0, 0.5):
            told = _read(history, registry, at + minutes_later)
            assert {key: first for key, (first, _) in told.items()} == {key: first for key, (first, _) in rows.items()}
            assert all(first <= last <= at + minutes_later for first, last in told.values())
            assert all(told[key][1] >= last for key, (_, last) in rows.items())


def _store(history: History, registry: str, crawl: Crawl, at: int) -> None:
    with history.begin("catalog", registry, hour(at)) as writer:
        for name, tags in crawl.read.items():
            writer.add_repository(_crawled(name, tags, gap=name in crawl.gaps))
        writer.finish(coverage(crawl.gaps), places_listed=crawl.listed)


def _crawled(name: str, tags: dict[str, str | None], *, gap: bool) -> RepositoryCrawled:
    return repository(name, tags, gap=gap)


def _read(
    history: History, registry: str, at: float | None = None
) -> dict[tuple[str, str, str | None], tuple[float, float]]:
    tags = history.read_catalog(registry, at=None if at is None else hour(0) + (hour(1) - hour(0)) * at).tags
    names = {digest(name): name for name in ("x", "y")} | {None: None}
    told = {
        (row.repository, row.tag, names[row.digest]): (_hours(row.first_seen_at), _hours(row.last_seen_at))
        for row in tags.itertuples(index=False)
    }
    assert len(told) == len(tags), "a thing stands twice"
    return told


def _hours(at: object) -> float:
    return (at - hour(0)) / (hour(1) - hour(0))  # type: ignore[operator, no-any-return]
