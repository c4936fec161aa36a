"""Decisions and outcomes of the command line in Dagster's lineage, where there is a Dagster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from registry_pipelines.holders import Holders


def tell_lineage(event: dg.AssetMaterialization) -> bool:
    """Note an event in the instance of DAGSTER_HOME; False where that is not set, as then nobody looks at a lineage.

    What counts is the ledger: the lineage is for people.
    """
    if not os.environ.get("DAGSTER_HOME"):
        return False
    with dg.DagsterInstance.get() as instance:
        instance.report_runless_asset_event(event)
    return True


@contextmanager
def holders_known_here() -> Iterator[Holders]:
    """Holders of plans as far as the instance of DAGSTER_HOME, if any, can tell whether they are alive."""
    if not os.environ.get("DAGSTER_HOME"):
        yield Holders(None)
        return
    with dg.DagsterInstance.get() as instance:
        yield Holders(instance)
