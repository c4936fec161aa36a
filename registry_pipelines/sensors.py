"""Automation: the sensor that keeps the graph fresh, and the condition that it evaluates."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

import dagster as dg

from assets.automation import follow_evidence
from assets.taking.waiting import find_waits
from registry_core.waiting import Wait
from resources.configuration.load import LoadedSite, load_site
from resources.configuration.settings import Site
from resources.connections import Connections

FOLLOW_THE_EVIDENCE = "follow_the_evidence"


def build_automation(loaded: LoadedSite) -> dg.AutomationCondition[dg.AssetKey]:
    """When assets make themselves. The history is opened in a tick that finds something to make, never before."""
    clusters = loaded.site.clusters

    def waits_now() -> list[Wait]:
        with Connections(load_site(loaded.path)) as connections:
            return find_waits(connections.site, connections.history, datetime.now(UTC))

    return follow_evidence([name for name, cluster in clusters.items() if cluster.required], waits_now)


def build_sensors(site: Site) -> list[dg.SensorDefinition]:
    """The sensor that makes usage, health and plans again when an inventory or a catalog was read."""
    on = dg.DefaultSensorStatus.RUNNING if site.schedules.switched_on else dg.DefaultSensorStatus.STOPPED
    with warnings.catch_warnings():  # `use_user_code_server` is beta in Dagster; its minor version is pinned
        warnings.simplefilter("ignore", dg.BetaWarning)
        return [
            dg.AutomationConditionSensorDefinition(
                FOLLOW_THE_EVIDENCE,
                target=dg.AssetSelection.all(),
                default_status=on,
                use_user_code_server=True,  # conditions of our own (`assets.automation`)
                description="Makes usage, health, versions and plans again as soon as an inventory or a catalog was"
                " read. Waits for evidence that is required, and for no other; a failed check says what it waits for.",
            )
        ]
