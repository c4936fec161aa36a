"""Who is given a pull secret keeps those of its service account, or stays where nobody knows them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from registry_core.cutover import CutoverPlan
from registry_core.cutover_decide import make_cutover_plan, wanted_platforms
from registry_core.service_accounts import ServiceAccounts, account_of, account_secrets
from tests.kubernetes import OLD_HOST, deployment
from tests.registry_core.cutovers import basis, serving, survey

CART = f"{OLD_HOST}/shop/cart:1"
SIDE = "quay.example.com/private/side:1"
KNOWN = ServiceAccounts({("shop", "puller"): ("quay-pull", "old-pull")})
UNKNOWN = ServiceAccounts(unknown="it is forbidden to us")


def of_account(*images: str, secrets: list[str] | None = None, account: str = "puller") -> dict[str, Any]:
    item = deployment("cart", *images)
    spec = item["spec"]["template"]["spec"]
    spec["serviceAccountName"] = account
    if secrets is not None:
        spec["imagePullSecrets"] = [{"name": name} for name in secrets]
    return item


def planned(item: dict[str, Any], accounts: ServiceAccounts, *, pull_secret: str | None = "new-pull") -> CutoverPlan:
    made = basis(pull_secret=pull_secret)
    found = {"production": replace(survey([item]), accounts=accounts)}
    wanted = wanted_platforms(found, made)
    return make_cutover_plan(made, found, {key: serving(key) for key in wanted})


def after(plan: CutoverPlan) -> tuple[str, ...] | None:
    (entry,) = plan.entries
    return entry.secrets[0].after if entry.secrets else None


def test_the_pull_secrets_of_the_account_are_named_beside_the_new_one() -> None:
    for secrets in (None, []):  # both are none for the API server
        assert after(planned(of_account(CART, SIDE, secrets=secrets), KNOWN)) == ("quay-pull", "old-pull", "new-pull")


def test_a_workload_that_names_its_own_gets_nothing_of_its_account_now_or_then() -> None:
    assert after(planned(of_account(CART, secrets=["own"]), KNOWN)) == ("own", "new-pull")
    assert after(planned(of_account(CART, account="another"), KNOWN)) == ("new-pull",)


def test_an_account_that_gives_the_new_secret_already_needs_no_change() -> None:
    assert after(planned(of_account(CART), ServiceAccounts({("shop", "puller"): ("new-pull",)}))) is None


def test_where_accounts_are_not_known_it_is_said_and_foreign_images_keep_a_workload_as_it_is() -> None:
    plan = planned(of_account(CART), UNKNOWN)
    assert after(plan) == ("new-pull",)
    assert any("pull secrets of its service account (puller) are not known" in note for note in plan.entries[0].notes)
    (left,) = planned(of_account(CART, SIDE), UNKNOWN).left
    assert f"takes away those of its service account (puller), which {SIDE} may need" in left.why
    assert "it is forbidden to us" in left.why
    assert after(planned(of_account(CART, SIDE, secrets=["own"]), UNKNOWN)) == ("own", "new-pull")
    assert after(planned(of_account(CART, SIDE), UNKNOWN, pull_secret=None)) is None


def test_accounts_are_known_by_namespace_and_name_and_odd_ones_have_none() -> None:
    item = {"metadata": {"namespace": "shop", "name": "puller"}, "imagePullSecrets": [{"name": "a"}, "odd", {}]}
    assert account_secrets(item) == {("shop", "puller"): ("a",)}
    odd: list[dict[str, Any]] = [{}, {"metadata": None, "imagePullSecrets": [{"name": "a"}]}, {"metadata": {}}]
    assert [account_secrets(one) for one in odd] == [{}, {}, {}]
    assert [account_of(spec) for spec in ({}, {"serviceAccount": "a"}, {"serviceAccountName": "b"})] == [
        "default",
        "a",
        "b",
    ]
