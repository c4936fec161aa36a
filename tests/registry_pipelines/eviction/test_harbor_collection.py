"""Collection of a Harbor by an approved plan: begun once, watched, and told as Harbor tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_core.collection import CollectionPlan
from registry_core.errors import ConfigError, PartialFailure, Refused
from resources.configuration.load import load_site
from resources.registry.providers import harbor_collection
from resources.registry.providers.harbor_collection import harbor_collection_of
from tests.registry_pipelines.eviction.collecting import approved_collection, plan_collection, run_collection
from tests.registry_pipelines.eviction.estate import RULES, Estate
from tests.registry_pipelines.eviction.test_vendors import at_harbor
from tests.resources.registry.providers.harbor_emulator import HarborEmulator


@pytest.fixture
def harbor(monkeypatch: pytest.MonkeyPatch) -> Iterator[HarborEmulator]:
    monkeypatch.setenv("HARBOR_ROBOT", "robot-secret-4711")
    monkeypatch.setenv("HARBOR_ADMIN", "admin-secret-4711")
    monkeypatch.setattr(harbor_collection, "_ASKED_EVERY_SECONDS", 0.01)
    with HarborEmulator() as emulator:
        yield emulator


@pytest.fixture
def estate(tmp_path: Path, harbor: HarborEmulator) -> Estate:
    """An estate in Harbor of which a plan was carried out."""
    admin = {"username": "admin", "password": {"env": "HARBOR_ADMIN"}}
    estate = at_harbor(tmp_path / "site", harbor, delete_credentials=admin, collection="harbor")
    estate.configure()
    estate.execute(estate.plan())
    return estate


def test_harbor_collects_by_an_approved_plan_and_tells_what_it_freed(estate: Estate, harbor: HarborEmulator) -> None:
    plan = approved_collection(estate)
    assert plan.way.through == "harbor"
    assert plan.expected_bytes > 0
    collected = run_collection(estate, plan)
    assert collected.succeeded is True
    assert collected.freed_bytes is not None
    assert 0 < collected.freed_bytes <= plan.expected_bytes, "Harbor does not count manifests"
    assert (collected.before_bytes, collected.after_bytes) == (None, None), "Harbor does not tell them"
    assert "success to run gc" in collected.last_lines
    assert len(harbor.collector.begun) == 1
    assert plan_collection(estate).entries == ()


def test_a_collection_that_somebody_else_began_is_waited_for(estate: Estate, harbor: HarborEmulator) -> None:
    plan = approved_collection(estate)
    with estate.connections() as connections:
        connection = connections.registry_to_change("main")
        others = harbor_collection_of(connection)
        assert others is not None
        number = others.begin()
        with pytest.raises(Refused, match="collects already"):
            run_collection(estate, plan)
        while not others.state(number).ended:
            pass
        connection.close()
    assert run_collection(estate, plan, "run d").succeeded is True
    assert len(harbor.collector.begun) == 2


def test_a_run_that_died_leaves_a_collection_that_the_next_one_watches(estate: Estate, harbor: HarborEmulator) -> None:
    plan = approved_collection(estate)
    with estate.connections() as connections:
        claim = connections.ledger.claim(
            plan.fingerprint, "the dead", CollectionPlan, rules=RULES, holder_is_alive=lambda _: True
        )
        connection = connections.registry_to_change("main")
        begun = harbor_collection_of(connection)
        assert begun is not None
        connections.ledger.collections.begin(claim, vendor_number=begun.begin())
        connection.close()
    assert run_collection(estate, plan).succeeded is True
    assert len(harbor.collector.begun) == 1, "it was not begun twice"


def test_a_run_that_died_before_it_heard_the_number_is_known_to_have_asked(
    estate: Estate, harbor: HarborEmulator
) -> None:
    plan = approved_collection(estate)
    with estate.connections() as connections:
        claim = connections.ledger.claim(
            plan.fingerprint, "the dead", CollectionPlan, rules=RULES, holder_is_alive=lambda _: True
        )
        connection = connections.registry_to_change("main")
        begun = harbor_collection_of(connection)
        assert begun is not None
        connections.ledger.collections.begin(claim)
        number = begun.begin()
        connection.close()
    collected = run_collection(estate, plan)
    assert (collected.succeeded, collected.vendor_number) == (True, number)
    assert len(harbor.collector.begun) == 1, "it was not begun twice"


def test_one_that_takes_too_long_is_left_to_the_next_run(
    estate: Estate, harbor: HarborEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate.settings["collection"] = {"through": "harbor", "longest": "0s"}
    estate.configure()
    plan = approved_collection(estate)
    with pytest.raises(PartialFailure, match=r"did not end within `collection\.longest`"):
        run_collection(estate, plan)
    estate.settings["collection"] = "harbor"
    estate.configure()
    assert run_collection(estate, plan, "run d").succeeded is True
    assert len(harbor.collector.begun) == 1


def test_it_needs_a_harbor(estate: Estate) -> None:
    estate.settings["provider"] = "plain"
    estate.configure()
    with pytest.raises(ConfigError, match="write `provider: harbor` if it is one"):
        load_site(estate.site_file)


def test_a_pod_needs_a_cluster_that_is_configured(estate: Estate) -> None:
    for collection, told in (({}, "`cluster` is missing"), ({"cluster": "nowhere"}, "no cluster is called `nowhere`")):
        estate.settings["collection"] = collection
        estate.configure()
        with pytest.raises(ConfigError, match=told):
            load_site(estate.site_file)
