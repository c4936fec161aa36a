"""Backfills that are launched after a deed, seen under Runs › Backfills.

Of an id the list there shows the first eight characters, with the tags, and the page of a backfill all of it; the title
is kept and shown nowhere (Dagster 1.13). So an id begins with a word of about that length, and tags say the rest.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import dagster as dg
from dagster import DagsterInstance
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

from resources.database.ledger_records import PlanRecord

#: The tag by which the UI says who launched something.
SENSOR_TAG = "dagster/sensor_name"

#: Dagster keeps an id in a column of this length, and PostgreSQL holds it to that.
LONGEST_ID = 32


@dataclass(frozen=True, slots=True)
class WantedBackfill:
    """One backfill: these assets, each for one partition, and `more` (asset, partition). The id makes it one, however
    often it is asked for."""

    id: str
    title: str
    description: str
    assets: Sequence[dg.AssetKey]
    partition: str
    more: Sequence[tuple[dg.AssetKey, str]] = ()
    tags: dict[str, str] = field(default_factory=dict)


def backfill_id(deed: str, record: PlanRecord, run_id: str | None = None) -> str:
    """`eviction-51dd8e826555`: one a plan, or one a run of it. `deed` is a word of eight characters or about."""
    return f"{deed}-{record.short}" + ("" if run_id is None else f"-{run_id[:8]}")


def request_backfill(instance: DagsterInstance, graph: BaseAssetGraph, wanted: WantedBackfill) -> bool:
    """Put it on the list of the daemon; False where one with this id is there already, finished or not.

    The one place that touches parts of Dagster which are not public: its minor version is pinned, and a test runs
    this on an instance.
    """
    from dagster._core.definitions.selector import (
        PartitionRangeSelector,
        PartitionsByAssetSelector,
        PartitionsSelector,
    )
    from dagster._core.execution.backfill import PartitionBackfill

    if len(wanted.id) > LONGEST_ID:
        raise ValueError(f"the id {wanted.id!r} of a backfill is longer than the {LONGEST_ID} that Dagster can keep")
    if instance.get_backfill(wanted.id) is not None:
        return False
    chosen: dict[dg.AssetKey, list[str]] = {asset: [wanted.partition] for asset in wanted.assets}
    for asset, partition in wanted.more:
        chosen[asset] = [*chosen.get(asset, ()), partition]
    instance.add_backfill(
        PartitionBackfill.from_partitions_by_assets(
            backfill_id=wanted.id,
            asset_graph=graph,
            backfill_timestamp=time.time(),
            tags=wanted.tags,
            dynamic_partitions_store=instance,
            partitions_by_assets=[
                PartitionsByAssetSelector(
                    asset_key=asset,
                    partitions=PartitionsSelector(
                        ranges=[PartitionRangeSelector(start=one, end=one) for one in dict.fromkeys(partitions)]
                    ),
                )
                for asset, partitions in chosen.items()
            ],
            title=wanted.title,
            description=wanted.description,
            run_config=None,
        )
    )
    return True
