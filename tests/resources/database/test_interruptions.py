"""A run killed in the middle, a reader in the middle of a merge, two processes at once."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from registry_core.coverage import Coverage
from resources.database import staging, writing
from resources.database.history import History
from resources.database.snapshots import SnapshotSuperseded
from tests.resources.database.readings import crawl, hour, pointing, repository

_CRAWL = """
import sys, time
from resources.database import writing
from resources.database.history import History
from resources.database.snapshots import SnapshotSuperseded
from tests.resources.database.readings import hour, repository
from registry_core.coverage import Coverage

def stop_here(*_):
    print("here", flush=True)
    time.sleep(60)

history = History.open(sys.argv[1])
writer = history.begin("catalog", "main", hour(2))
for number in range(4):
    writer.add_repository(repository(f"app/{number}", {f"v{each}": f"new-{number}-{each}" for each in range(2000)}))
if sys.argv[2] == "staging":
    stop_here()
writing.mark_places_read = stop_here
writer.finish(Coverage(), places_listed=[f"app/{number}" for number in range(4)])
"""


def _killed_run(url: str, where: str) -> None:
    """A process that is killed (SIGKILL) with rows staged, or in its merge before the commit."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CRAWL, url, where], cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("where", ["staging", "merge"])
def test_a_run_that_is_killed_leaves_the_last_snapshot_as_it_was(history: History, url: str, where: str) -> None:
    before = crawl(history, 1, {"app/web": {"v1": "a"}})
    _killed_run(url, where)
    assert history.latest("catalog", "main") == before
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v1", "a")}
    assert [stored.state for stored in history.snapshots("catalog", "main")] == ["running", "complete"]
    assert _staged(history) > 0
    crawl(history, 3, {"app/web": {"v1": "b"}})
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v1", "b")}
    assert [stored.state for stored in history.snapshots("catalog", "main")] == ["complete", "complete"]
    assert _staged(history) == 0


def test_a_run_that_died_long_ago_is_cleared_by_the_next_begin(
    history: History, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.migrate()
    _killed_run(url, "staging")
    monkeypatch.setattr(staging, "ABANDONED_AFTER", -staging.ABANDONED_AFTER)
    history.begin("catalog", "main", hour(1))
    assert _staged(history) == 0


def test_a_reader_during_a_merge_sees_the_old_snapshot_whole(
    history: History, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawl(history, 1, {"app/web": {"v1": "a"}, "app/old": {"v1": "b"}})
    merged, read = threading.Event(), threading.Event()
    real = writing.mark_places_read

    def wait_for_the_reader(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]
        merged.set()
        assert read.wait(30)

    monkeypatch.setattr(writing, "mark_places_read", wait_for_the_reader)
    thread = threading.Thread(target=crawl, args=(history, 2, {"app/web": {"v1": "c"}}), kwargs={"listed": ["app/web"]})
    thread.start()
    try:
        assert merged.wait(30)
        other = History.open(url)
        tags = other.read_catalog("main").tags
        latest = other.latest("catalog", "main")
        other.close()
    finally:
        read.set()
        thread.join()
    assert pointing(tags) == {("app/web", "v1", "a"), ("app/old", "v1", "b")}
    assert set(tags["last_seen_at"]) == {hour(1)}
    assert latest is not None
    assert latest.as_of == hour(1)
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v1", "c")}


def test_runs_of_many_sources_write_at_once(history: History, url: str) -> None:
    history.migrate()
    # The same manifests everywhere: all write the same rows.
    crawled = [repository(f"app/{number}", {f"v{each}": f"{each}" for each in range(50)}) for number in range(5)]

    def run(registry: str) -> int:
        own = History.open(url)
        for at in range(1, 4):
            with own.begin("catalog", registry, hour(at)) as writer:
                for each in crawled:
                    writer.add_repository(each)
                writer.finish(Coverage())
        tags = own.read_catalog(registry).tags
        own.close()
        return len(tags)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, ["one", "two", "three", "four"])) == [250] * 4


def test_of_two_merges_of_one_source_at_once_the_newer_stands(history: History) -> None:
    writers = {at: history.begin("catalog", "main", hour(at)) for at in (1, 2)}
    for at, writer in writers.items():
        writer.add_repository(repository("app/web", {"v1": f"crawl-{at}"}))

    def finish(at: int) -> str:
        try:
            return writers[at].finish(Coverage()).state
        except SnapshotSuperseded:
            return "superseded"

    with ThreadPoolExecutor(2) as pool:
        older, newer = pool.map(finish, [1, 2])
    assert newer == "complete"
    assert older in ("complete", "superseded")
    assert pointing(history.read_catalog("main").tags) == {("app/web", "v1", "crawl-2")}


def _staged(history: History) -> int:
    with history._database.reading("count") as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM staged_tag")).scalar_one())
