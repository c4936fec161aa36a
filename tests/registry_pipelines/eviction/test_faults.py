"""Something goes wrong in the middle of a deletion: nothing else is deleted, the journal tells the truth, and a second
start finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from registry_core.errors import DatabaseError, DeletionDisabled, PartialFailure, Refused, RegistryError
from registry_core.eviction import Plan
from registry_pipelines.eviction import health_guard
from resources.database import connection as database_connection
from resources.database.connection import Database
from resources.embedded_registry import EmbeddedRegistry
from tests.registries import DockerRegistry
from tests.registry_pipelines.eviction.estate import APP, TOOLS, Estate, build
from tests.registry_pipelines.eviction.meddler import Deed, Meddler

SECOND = 2


def check_truth(estate: Estate, plan: Plan, before: set[tuple[str, str]]) -> None:
    """Nothing outside the plan is gone, and no word of the journal is contradicted by the registry."""
    left = set(estate.contents())
    planned = {entry.image for entry in plan.entries}
    assert before - left <= planned
    for image, outcome in estate.journal(plan).items():
        if outcome in ("deleted", "already gone"):
            assert image not in left
        elif outcome.startswith(("spared", "refused")):
            assert image in left


def finish(estate: Estate, plan: Plan, before: set[tuple[str, str]], run_id: str = "run 2") -> None:
    """A second start finishes."""
    estate.configure()
    assert estate.execute(plan, run_id).record.state == "done"
    check_truth(estate, plan, before)
    assert set(estate.journal(plan).values()) == {"deleted"}
    assert before - set(estate.contents()) == {entry.image for entry in plan.entries}


def deletion(number: int, deed: Deed) -> Callable[[str, str, int], Deed | None]:
    """This deed for the n-th DELETE and all later ones."""
    return lambda method, _path, count: deed if method == "DELETE" and count >= number else None


@pytest.mark.parametrize(
    ("deed", "error", "told"),
    [
        (Deed(401, "UNAUTHORIZED"), RegistryError, "401"),
        (Deed(403, "DENIED"), PartialFailure, "entries are not done"),
        (Deed(405, "UNSUPPORTED"), PartialFailure, "entries are not done"),  # others were deleted: it is about these
        (Deed(429, "TOOMANYREQUESTS", {"Retry-After": "1000"}), RegistryError, "throttles|429"),
        (Deed(500, "UNKNOWN"), PartialFailure, "entries are not done"),
        (Deed(drop="before"), RegistryError, "could not delete"),
    ],
)
def test_a_registry_that_refuses_from_the_third_deletion_on(
    embedded_estate: Estate, deed: Deed, error: type[Exception], told: str
) -> None:
    estate = embedded_estate
    plan, before = estate.plan(), set(estate.contents())
    with Meddler(estate.url, deletion(SECOND, deed)) as meddler:
        estate.configure(url=meddler.url)
        with pytest.raises(error, match=told):
            estate.execute(plan)
        assert set(meddler.asked_to_delete()) <= {entry.digest for entry in plan.entries}
    check_truth(estate, plan, before)
    outcomes = list(estate.journal(plan).values())
    assert outcomes.count("deleted") <= SECOND
    assert any(text.startswith(("failed", "refused by registry: ")) for text in outcomes)
    assert not any(text in ("failed: ", "refused by registry: ") for text in outcomes)
    with estate.connections() as connections:
        record = connections.ledger.record(plan.fingerprint)
    assert (record.state, record.holder) == ("executing", None)
    assert record.why
    finish(estate, plan, before)


def test_a_404_in_the_middle_is_told_as_already_gone(embedded_estate: Estate) -> None:
    estate = embedded_estate
    plan, before = estate.plan(), set(estate.contents())

    def somebody_is_faster(method: str, path: str, count: int) -> Deed | None:
        if method == "DELETE" and count == SECOND:
            repository, _, digest = path.removeprefix("/v2/").partition("/manifests/")
            estate.delete(digest, repository)
        return None

    with Meddler(estate.url, somebody_is_faster) as meddler:
        estate.configure(url=meddler.url)
        assert estate.execute(plan).counts["already gone"] == 1
    check_truth(estate, plan, before)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dropped_connection_is_asked_about_before_anything_is_said(embedded_estate: Estate, when: str) -> None:
    estate = embedded_estate
    plan, before = estate.plan(), set(estate.contents())
    with Meddler(
        estate.url, lambda method, _, count: Deed(drop=when) if method == "DELETE" and count % 4 == 1 else None
    ) as meddler:
        estate.configure(url=meddler.url)
        counts = estate.execute(plan).counts
    # libcurl sends again by itself when a kept connection dies: then the second answer is 404.
    assert counts["deleted"] + counts["already gone"] == len(plan.entries)
    check_truth(estate, plan, before)


def test_a_child_stays_while_its_index_does(embedded_estate: Estate) -> None:
    estate = embedded_estate
    plan, before = estate.plan(), set(estate.contents())
    nested = estate.images["nested"].digest
    with Meddler(
        estate.url,
        lambda method, path, _: Deed(403, "DENIED") if method == "DELETE" and path.endswith(nested) else None,
    ) as meddler:
        estate.configure(url=meddler.url)
        with pytest.raises(PartialFailure):
            estate.execute(plan)
    journal = estate.journal(plan)
    assert journal[APP, nested] == "refused by registry: DENIED"
    for name in ("inner", "beside", "inner linux/amd64"):
        assert journal[APP, estate.images[name].digest].startswith("failed: it waits for sha256:")
        assert estate.stored(estate.images[name].digest)
    check_truth(estate, plan, before)
    finish(estate, plan, before)


def test_a_registry_that_promises_and_keeps_the_image_is_found_out(
    embedded_estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry_pipelines.eviction.deleting._ASK_AGAIN_SECONDS", (0.01,))
    estate = embedded_estate
    plan, before = estate.plan(), set(estate.contents())
    with Meddler(estate.url, lambda method, _path, _count: Deed(202) if method == "DELETE" else None) as meddler:
        estate.configure(url=meddler.url)
        with pytest.raises(PartialFailure):
            estate.execute(plan)
    assert set(estate.contents()) == before
    assert {text.partition(":")[0] for text in estate.journal(plan).values()} == {"failed"}
    assert any("accepted the deletion and still has" in text for text in estate.journal(plan).values())
    finish(estate, plan, before)


def test_disabled_deletion_stops_at_once_with_the_setting_to_change(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path / "registry", deletion=False) as registry:
        estate = build(tmp_path / "site", registry.url)
        plan = estate.plan()
        before = set(estate.contents())
        with Meddler(registry.url) as meddler:
            estate.configure(url=meddler.url)
            with pytest.raises(DeletionDisabled, match="REGISTRY_STORAGE_DELETE_ENABLED=true"):
                estate.execute(plan)
            assert 1 <= len(meddler.asked_to_delete()) <= 4  # three, and one a repository that was begun
        assert set(estate.contents()) == before
        check_truth(estate, plan, before)


_RUN = """
import sys
from pathlib import Path
from tests.registry_pipelines.eviction.estate import Estate, a_run
from registry_pipelines.eviction.execution import execute_plan
with Estate(Path(sys.argv[1]), "").connections() as connections:
    execute_plan(connections, sys.argv[2], a_run("killed"))
"""


@pytest.mark.parametrize(("request_number", "moment"), [(0, "before"), (3, "after"), (9, "after")])
def test_a_killed_run_is_finished_by_the_next_and_nothing_is_done_twice(
    embedded_estate: Estate, request_number: int, moment: str
) -> None:
    estate = embedded_estate
    plan, before = estate.plan(), set(estate.contents())
    started = threading.Event()
    victim: list[subprocess.Popen[bytes]] = []

    def kill(method: str, _path: str, count: int) -> Deed | None:
        if method == "DELETE" and count == request_number:
            started.wait()
            os.kill(victim[0].pid, signal.SIGKILL)
            return Deed(drop=moment)
        return None

    with Meddler(estate.url, kill) as meddler:
        estate.configure(url=meddler.url)
        victim.append(
            subprocess.Popen(
                [sys.executable, "-c", _RUN, str(estate.root), plan.fingerprint], cwd=Path(__file__).parents[3]
            )
        )
        started.set()
        assert victim[0].wait(60) == -signal.SIGKILL
    check_truth(estate, plan, before)
    assert None not in estate.journal(plan).values()
    assert "None" in estate.journal(plan).values()  # kept, and nobody knows
    gone = before - set(estate.contents())
    with pytest.raises(Refused, match="the run killed works on this plan"):
        estate.execute(plan, "run 2", holder_is_alive=lambda _: True)
    with Meddler(estate.url) as meddler:
        estate.configure(url=meddler.url)
        estate.execute(plan, "run 3")
        again = meddler.asked_to_delete()
        assert not {digest for _, digest in gone} & set(again)
    check_truth(estate, plan, before)
    assert set(estate.journal(plan).values()) == {"deleted"}


@pytest.mark.parametrize("deletions", [0, 4])
def test_a_locked_database_lets_nothing_be_deleted_without_its_line(
    embedded_estate: Estate, monkeypatch: pytest.MonkeyPatch, deletions: int
) -> None:
    estate = embedded_estate
    estate.configure(eviction={"wave_size": 1, "check_health_between_waves": False})
    plan, before = estate.plan(), set(estate.contents())
    monkeypatch.setattr(database_connection, "_SQLITE_BUSY_SECONDS", 0.2)
    with estate.connections() as connections:
        url = str(connections.history._given.url)
    held = Database(url).engine.connect().execution_options(sqlite_begin="BEGIN IMMEDIATE")

    def lock(method: str, _path: str, count: int) -> None:
        if method == "DELETE" and count == deletions and not held.in_transaction():
            held.exec_driver_sql("SELECT 1")

    with Meddler(estate.url, lock) as meddler:
        estate.configure(url=meddler.url, eviction={"wave_size": 1, "check_health_between_waves": False})
        with pytest.raises(DatabaseError, match="kept it locked") as told:
            estate.execute(plan)
        asked = meddler.asked_to_delete()
    held.rollback()
    held.close()
    assert told.value.retryable
    with estate.connections() as connections:
        kept = {line.digest for line in connections.ledger.lines(plan.fingerprint) if line.kept_at}
    assert set(asked) <= kept
    check_truth(estate, plan, before)
    finish(estate, plan, before)


def test_two_runs_of_one_plan_do_not_both_proceed(embedded_estate: Estate) -> None:
    estate = embedded_estate
    plan, said = estate.plan(), []
    together = threading.Barrier(2)

    def run(number: int) -> None:
        together.wait()
        try:
            said.append(estate.execute(plan, f"run {number}", holder_is_alive=lambda _: True).record.state)
        except Refused as error:
            said.append(str(error))

    with Meddler(estate.url) as meddler:
        estate.configure(url=meddler.url)
        threads = [threading.Thread(target=run, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asked = meddler.asked_to_delete()
    assert sorted(said)[0] == "done" or said.count("done") == 1
    assert len(asked) == len(plan.entries)


def test_a_new_finding_stops_the_plan_for_good(embedded_estate: Estate, tmp_path: Path) -> None:
    estate = embedded_estate
    estate.configure(eviction={"wave_size": 1})
    plan = estate.plan()
    used = estate.images["tool 3"]

    def lose_something(method: str, _path: str, count: int) -> None:
        if method == "DELETE" and count == SECOND:
            estate.delete_blob(TOOLS, used.layer_digests[0])

    with Meddler(estate.url, lose_something) as meddler:
        estate.configure(url=meddler.url, eviction={"wave_size": 1})
        with pytest.raises(health_guard.NewFinding, match="stopped: since the last wave 1 parts of images in use"):
            estate.execute(plan)
        assert len(meddler.asked_to_delete()) < len(plan.entries)
    with estate.connections() as connections:
        record = connections.ledger.record(plan.fingerprint)
    assert record.state == "stopped"
    with pytest.raises(Refused, match="was used already"):
        estate.execute(plan, "run 2")


def test_the_deletion_signs_in_with_credentials_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedRegistry(tmp_path / "registry", durable=False) as registry:
        estate = build(tmp_path / "site", registry.url, referrers_api=True)
        plan = estate.plan()
        seen: dict[str, set[str | None]] = {}

        class Watcher(Meddler):
            def answer(self, request: object) -> None:
                method, given = request.command, request.headers.get("Authorization")  # type: ignore[attr-defined]
                seen.setdefault(method, set()).add(given)
                if given is None:
                    self.asked.append((method, "challenged"))
                    self._reply(request, 401, {"WWW-Authenticate": 'Basic realm="r"'}, b"{}")  # type: ignore[arg-type]
                else:
                    super().answer(request)  # type: ignore[arg-type]

        monkeypatch.setenv("READER", "reads")
        monkeypatch.setenv("DELETER", "deletes")
        estate.settings = {
            "credentials": {"username": "reader", "password": {"env": "READER"}},
            "delete_credentials": {"username": "deleter", "password": {"env": "DELETER"}},
        }
        with Watcher(registry.url) as meddler:
            estate.configure(url=meddler.url)
            estate.execute(plan)
        reader, deleter = "Basic cmVhZGVyOnJlYWRz", "Basic ZGVsZXRlcjpkZWxldGVz"
        assert seen["DELETE"] - {None} == {deleter}
        assert seen["GET"] - {None} <= {reader, deleter}  # whether an image is gone is read back by who deleted it
