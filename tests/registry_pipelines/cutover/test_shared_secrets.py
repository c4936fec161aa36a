"""A pull secret may serve two cut-overs: neither takes the other's login away, nor the secret while it is needed."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from registry_core.cutover import CutoverPlan
from registry_core.errors import DatabaseError
from resources.database.cutover_journal import CutoverJournal
from resources.embedded_registry import EmbeddedRegistry
from tests.kubernetes import OLD_HOST
from tests.registry_pipelines.cutover.carrying_out import approved_plan, carry_out, roll_back
from tests.registry_pipelines.cutover.estate import NEW_HOST, Estate
from tests.resources.clusters.changing_server import PODS, SECRETS

THIRD_HOST = "third.example.com"


@pytest.fixture
def third(estate: Estate) -> Iterator[EmbeddedRegistry]:
    """A registry beside the new one that has all of it, too."""
    copied = estate.root / "third-registry"
    shutil.copytree(estate.root / "new-registry", copied)
    with EmbeddedRegistry(copied, durable=False) as registry:
        yield registry


def secrets_of(estate: Estate) -> list[dict[str, Any]]:
    return [secret for server in estate.servers.values() for secret in server.cluster.listed(SECRETS)]


def logins(estate: Estate) -> set[str]:
    content = estate.cluster().get("secrets", "shop", "new-pull")["data"][".dockerconfigjson"]
    return set(json.loads(base64.b64decode(content))["auths"])


def to_a_third_registry(estate: Estate, third: EmbeddedRegistry) -> CutoverPlan:
    """Another plan, whose destination is another registry and whose pull secret is called the same: of `cart` alone."""
    registries = json.loads(estate.site_file.read_text())["registries"]
    entry = {"url": third.url, "hosts": [THIRD_HOST], "retries": 0}
    estate.configure(move={"to": "third"}, registries={**registries, "third": entry})
    cart = estate.cluster().get("deployments", "shop", "cart")
    cart["spec"]["template"]["spec"]["containers"][0]["image"] = f"{OLD_HOST}/shop/cart:production"
    plan = approved_plan(estate)
    assert [entry.workload.name for entry in plan.entries] == ["cart"]
    return plan


def without_pods(estate: Estate) -> None:
    """As if nothing ran just now: CronJobs, and Deployments scaled to zero."""
    for server in estate.servers.values():
        server.cluster.listed(PODS).clear()


def test_the_login_of_another_cut_over_stays(estate: Estate, third: EmbeddedRegistry) -> None:
    carry_out(estate, approved_plan(estate))
    carry_out(estate, to_a_third_registry(estate, third))
    assert logins(estate) == {NEW_HOST, THIRD_HOST}


def test_a_secret_that_another_plan_pulls_with_is_taken_away_with_the_last_of_them(
    estate: Estate, third: EmbeddedRegistry
) -> None:
    first = approved_plan(estate)
    carry_out(estate, first)
    second = to_a_third_registry(estate, third)
    carry_out(estate, second)
    cart = estate.cluster().get("deployments", "shop", "cart")
    image = next(entry for entry in first.entries if entry.workload.name == "cart").images[0].new
    was, cart["spec"]["template"]["spec"]["containers"][0]["image"] = (
        cart["spec"]["template"]["spec"]["containers"][0]["image"],
        image,
    )
    rollback = roll_back(estate, first)
    assert rollback.left == ()
    told = f"the plan {second.fingerprint[:12]} pulls with new-pull of production shop too, so it stays"
    assert told in rollback.notes
    without_pods(estate)
    assert roll_back(estate, first).notes == ()
    assert {secret["metadata"]["namespace"] for secret in secrets_of(estate)} == {
        secret.namespace for secret in second.pull_secrets
    }
    cart["spec"]["template"]["spec"]["containers"][0]["image"] = was
    cart["spec"]["template"]["spec"]["imagePullSecrets"].append({"name": "new-pull"})
    assert roll_back(estate, second).left == ()
    without_pods(estate)
    roll_back(estate, second)
    assert secrets_of(estate) == []


def test_a_secret_that_was_made_and_not_written_down_is_taken_away_too(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = approved_plan(estate)

    def die(*_: object, **__: object) -> None:
        raise DatabaseError("killed", fault="unreachable")

    with monkeypatch.context() as patched:
        patched.setattr(CutoverJournal, "secret_made", die)
        with pytest.raises(DatabaseError):
            carry_out(estate, plan)
    assert len(secrets_of(estate)) == 1
    without_pods(estate)
    assert roll_back(estate, plan).notes == ()
    assert secrets_of(estate) == []
