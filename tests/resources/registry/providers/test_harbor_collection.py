"""Harbor's garbage collection: begun once, watched to its end, and what it freed told where Harbor tells it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry_core.errors import RegistryError
from resources.configuration.provider_settings import HarborSettings
from resources.registry.connection import RegistryConnection
from resources.registry.providers.api_sign_in import BasicSignIn
from resources.registry.providers.harbor_collection import CollectionState, HarborCollection, harbor_collection_of
from resources.registry.sign_in.login import Login
from tests.image_builder import make_image
from tests.resources.registry.providers.contract import contract_of
from tests.resources.registry.providers.harbor_emulator import API, HarborEmulator
from tests.resources.registry.providers.vendor_server import Asked, Reply, web_page
from tests.resources.registry.providers.vendors import ADMIN, ROBOT, settings_of

_SCHEDULE = f"{API}/system/gc/schedule"


def collection_at(harbor: HarborEmulator, login: Login = ADMIN) -> HarborCollection:
    settings = settings_of(harbor.url, "harbor")
    return HarborCollection("test", settings, HarborSettings(), BasicSignIn(lambda: login), pause=lambda _seconds: None)


def test_a_collection_is_begun_watched_and_told_with_what_it_freed(harbor: HarborEmulator) -> None:
    kept, gone = make_image([b"kept"]), make_image([b"gone" * 100])
    harbor.shelf.put("health/web", kept, "v2")
    harbor.shelf.put("health/web", gone, "v1").deleted = True
    collection = collection_at(harbor)
    heard: list[str] = []
    number = collection.begin()
    state = collection.wait_for(number, longest=timedelta(minutes=1), tell=lambda one: heard.append(one.status))
    assert heard == ["Running", "Success"]
    assert (state.ended, state.succeeded, state.number) == (True, True, number)
    only_in_the_deleted_image = set(gone.blobs) - set(kept.blobs)
    assert state.freed_bytes == sum(len(gone.blobs[digest]) for digest in only_in_the_deleted_image)
    assert (state.freed_blobs, state.freed_manifests) == (len(only_in_the_deleted_image), 1)
    assert state.window == timedelta(hours=2)
    assert "success to run gc" in collection.log(number)


def test_harbor_is_never_asked_to_take_untagged_artifacts(harbor: HarborEmulator) -> None:
    collection_at(harbor).begin()
    assert harbor.collector.begun == [
        {"schedule": {"type": "Manual"}, "parameters": {"delete_untagged": False, "dry_run": False}}
    ]


def test_requests_and_answers_keep_harbors_own_document(harbor: HarborEmulator) -> None:
    contract = contract_of("harbor-swagger-v2.0.prism.yaml", prefix=API)
    # The document wants objects for values that Harbor's own code reads as true or false (handler/gc.go).
    del contract.document["definitions"]["Schedule"]["properties"]["parameters"]["additionalProperties"]
    collection = collection_at(harbor)
    number = collection.begin()
    collection.wait_for(number, longest=timedelta(minutes=1))
    collection.log(number)
    assert collection.under_way() is None
    assert contract.judge(harbor, of=API) >= 5


def test_a_collection_whose_answer_was_lost_is_found_and_not_begun_twice(harbor: HarborEmulator) -> None:
    harbor.collector.begin("Schedule", {})

    def lose(asked: Asked) -> Reply | None:
        if asked.path == _SCHEDULE:
            harbor.collector.answer(asked)
            return web_page(502)
        return None

    harbor.faults.append(lose)
    assert collection_at(harbor).begin() == 42
    assert len(harbor.collector.begun) == 1


def test_a_collection_that_was_not_begun_is_an_error_and_not_asked_for_again(harbor: HarborEmulator) -> None:
    harbor.collector.begin("Schedule", {})
    harbor.fail(lambda asked: asked.path == _SCHEDULE, Reply(503), times=9)
    with pytest.raises(RegistryError, match="could not begin a garbage collection") as caught:
        collection_at(harbor).begin()
    assert caught.value.fault == "unreachable"
    assert harbor.paths("POST") == [_SCHEDULE]


def test_an_answer_without_a_location_is_looked_up(harbor: HarborEmulator) -> None:
    def forget(asked: Asked) -> Reply | None:
        if asked.path == _SCHEDULE:
            harbor.collector.answer(asked)
            return Reply(201)
        return None

    harbor.faults.append(forget)
    assert collection_at(harbor).begin() == 41


def test_who_may_not_collect_is_told_what_is_needed(harbor: HarborEmulator) -> None:
    with pytest.raises(RegistryError, match="only an administrator may collect") as caught:
        collection_at(harbor, ROBOT).begin()
    assert caught.value.fault == "forbidden"
    assert "4711" not in str(caught.value)
    assert harbor.collector.jobs == []


def test_a_collection_under_way_is_seen_whoever_began_it(harbor: HarborEmulator) -> None:
    collection = collection_at(harbor)
    assert collection.under_way() is None
    number = harbor.collector.begin("Daily", {"delete_untagged": True})
    found = collection.under_way()
    assert found is not None
    assert (found.number, found.status, found.deletes_untagged) == (number, "Pending", True)


def test_one_that_failed_or_was_stopped_has_ended_without_success(harbor: HarborEmulator) -> None:
    for ends in ("Error", "Stopped"):
        harbor.collector.ends = ends
        collection = collection_at(harbor)
        state = collection.wait_for(collection.begin(), longest=timedelta(minutes=1))
        assert (state.ended, state.succeeded, state.freed_bytes) == (True, False, None)


def test_what_an_older_harbor_does_not_tell_is_not_zero(harbor: HarborEmulator) -> None:
    harbor.collector.tells_freed = False
    collection = collection_at(harbor)
    state = collection.wait_for(collection.begin(), longest=timedelta(minutes=1))
    assert state.succeeded
    assert (state.freed_bytes, state.freed_blobs) == (None, None)


@pytest.mark.parametrize("text", ["", "[]", "no json", '{"freed_space": "much", "time_window": true}', None])
def test_parameters_that_cannot_be_read_tell_nothing(harbor: HarborEmulator, text: str | None) -> None:
    answer = {"id": 7, "job_status": "Success", "job_parameters": text}
    harbor.fail(lambda asked: asked.path.endswith("/gc/7"), Reply(200, answer))
    assert collection_at(harbor).state(7) == CollectionState(7, "Success")


def test_waiting_has_an_end(harbor: HarborEmulator) -> None:
    harbor.collector.begin("Daily", {})  # never asked about, so it never ends, and ours waits for it
    collection = collection_at(harbor)
    state = collection.wait_for(collection.begin(), longest=timedelta(0))
    assert not state.ended


def test_a_web_page_in_the_middle_is_named_as_one(harbor: HarborEmulator) -> None:
    collection = collection_at(harbor)
    number = collection.begin()
    harbor.fail(lambda asked: asked.path.endswith(f"/gc/{number}"), web_page())
    with pytest.raises(RegistryError, match="a web page came"):
        collection.state(number)


def test_only_a_harbor_has_it(harbor: HarborEmulator) -> None:
    assert harbor_collection_of(RegistryConnection("test", settings_of(harbor.url, "harbor"), lambda: ADMIN))
    assert harbor_collection_of(RegistryConnection("test", settings_of(harbor.url, "plain"))) is None
