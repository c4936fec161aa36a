"""Monitoring: `/_images.json`, every reference in use and how it does, in the predecessor's shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from registry_core.monitoring_uses import PHASES, phases_of, wanted

_SECONDS_A_DAY = 86_400


def images_document(inventory: pd.DataFrame, as_of: Mapping[str, datetime]) -> dict[str, dict[str, Any]]:
    """References as written, each with `_phase`, `_last_wanted`, `_digest`, `_cronjob` and its pods.

    A pod stands under `k8s;<cluster>;<namespace>;<pod>` with the same phases, `_last_wanted` and `_node`.
    `_last_wanted` is in days before the cluster was read (`as_of`), 0 for what is wanted now; `_digest` is what
    runs, else what was written, null where neither is known. `inventory` has INVENTORY_COLUMNS.
    """
    images: dict[str, dict[str, Any]] = {}
    columns = ["reference", "cluster", "namespace", "kind", "owner_kind", "name", "state", "reason", "since", "node"]
    plain = inventory[columns].astype(object).where(inventory[columns].notna(), None)
    rows: Iterator[Any] = plain.itertuples(index=False)
    digests = inventory["status_digest"].where(inventory["status_digest"].notna(), inventory["digest"])
    for row, is_wanted, digest in zip(rows, wanted(inventory), digests, strict=True):
        image = images.get(row.reference)
        if image is None:
            image = images[row.reference] = {
                "_phase": dict.fromkeys(PHASES, False),
                "_last_wanted": None,
                "_digest": None,
                "_cronjob": False,
            }
        age = 0 if is_wanted else _days(row.since, as_of.get(row.cluster))
        phases = phases_of(row.state, row.reason)
        _note(image, phases, age)
        if isinstance(digest, str) and (image["_digest"] is None or row.state == "running"):
            image["_digest"] = digest
        if "CronJob" in (row.kind, row.owner_kind):
            image["_cronjob"] = True
        if row.kind == "Pod":
            key = f"k8s;{row.cluster};{row.namespace};{row.name}"
            pod = image.setdefault(key, dict.fromkeys(PHASES, False) | {"_last_wanted": None, "_node": row.node})
            for phase in phases:
                pod[phase] = True
            pod["_last_wanted"] = _sooner(pod["_last_wanted"], age)
    return images


def _note(image: dict[str, Any], phases: tuple[str, ...], age: float | None) -> None:
    for phase in phases:
        image["_phase"][phase] = True
    image["_last_wanted"] = _sooner(image["_last_wanted"], age)


def _sooner(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)


def _days(since: datetime | None, as_of: datetime | None) -> float | None:
    if since is None or as_of is None:
        return None
    return round(max((as_of - since).total_seconds(), 0) / _SECONDS_A_DAY, 3)
