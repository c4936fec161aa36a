"""What is deployed: the references that run or would run, by product and place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from registry_core.products import ProductNames
from registry_core.registry_rows import originals

#: A row for each (product, place, reference, running digest). `workloads` are names, at most `SHOWN` of them.
USE_COLUMNS = (
    "product", "place", "cluster", "environment", "registry", "host", "repository", "tag", "digest", "status_digest",
    "platform", "pods", "workloads", "since",
)  # fmt: skip

SHOWN = 5

#: Kept by their owner as its past, where they have one: what they name is not what is deployed.
_PAST = ("ReplicaSet", "ControllerRevision", "Job", "Revision")

#: Nothing is started from these.
_MODELS = ("PodTemplate",)

_TEXTS = tuple(name for name in USE_COLUMNS if name not in ("pods", "workloads", "since"))

_KEY = ["cluster", "environment", "registry", "host", "repository", "tag", "digest", "status_digest", "platform"]


def deployed_uses(
    inventory: pd.DataFrame,
    products: ProductNames,
    environment_of: Callable[[str, str], str],
    environments: Mapping[str, str],
    *,
    shown: int | None = SHOWN,
) -> pd.DataFrame:
    """USE_COLUMNS from INVENTORY_COLUMNS of all clusters; of each row the first `shown` workloads, None: all.

    Deployed is what a pod runs or waits for, and what a workload's template would start. ReplicaSets and revisions
    kept for rollback and Jobs of a CronJob are its past, and pods that ended run nothing.
    """
    templates = inventory["state"].eq("template")
    past = inventory["kind"].isin(_PAST) & inventory["kind"].ne(inventory["owner_kind"])
    ended = ~templates & inventory["state"].eq("terminated")
    models = inventory["kind"].isin(_MODELS)
    found = inventory[inventory["repository"].notna() & ~(templates & past) & ~ended & ~models].copy()
    found["workload"] = found["namespace"] + "/" + found["owner_name"]
    found["running"] = (found["kind"].eq("Pod") & found["state"].eq("running")).astype("int64")
    found["environment"] = _environments(found, environment_of)
    # A use under a rewritten name is a use of the original.
    found = originals(found, products.directory)
    for name in _KEY:
        found[name] = found[name].astype(object).where(found[name].notna(), "")
    grouped = found.groupby(_KEY, sort=False, observed=True)
    uses = grouped.agg(pods=("running", "sum"), since=("first_seen_at", "min")).reset_index()
    uses["workloads"] = _workloads(found["workload"], grouped.ngroup(), len(uses), shown)
    for name in ("tag", "digest", "status_digest", "platform"):
        uses[name] = uses[name].astype(object).where(uses[name].ne(""), None)
    uses["product"] = products.products_of(uses["host"], uses["repository"])
    own = uses["environment"].eq(uses["cluster"].map(dict(environments)).fillna("unknown"))
    uses["place"] = uses["cluster"].where(own, uses["cluster"] + " (" + uses["environment"] + ")")
    chosen = uses.loc[uses["product"].notna(), list(USE_COLUMNS)].reset_index(drop=True)
    return chosen.astype(dict.fromkeys(_TEXTS, object))  # of no rows pandas makes numbers


def _environments(found: pd.DataFrame, environment_of: Callable[[str, str], str]) -> pd.Series[str]:
    pairs = pd.MultiIndex.from_arrays([found["cluster"], found["namespace"]])
    codes, distinct = pd.factorize(pairs)
    names = pd.Series([environment_of(cluster, namespace) for cluster, namespace in distinct], dtype=object)
    return pd.Series(names.to_numpy(dtype=object)[codes], index=found.index, dtype=object)


def _workloads(names: pd.Series[str], groups: pd.Series[int], count: int, most: int | None) -> pd.Series[Any]:
    """The names of each group, sorted, at most so many; a Python function for each group takes twenty times as long."""
    pairs = pd.DataFrame({"group": groups, "name": names}).drop_duplicates().sort_values(["group", "name"])
    shown = pairs if most is None else pairs[pairs.groupby("group").cumcount() < most]
    gathered: list[list[str]] = [[] for _ in range(count)]
    for group, name in zip(shown["group"], shown["name"], strict=True):
        gathered[group].append(name)
    return pd.Series([tuple(one) for one in gathered], dtype=object)
