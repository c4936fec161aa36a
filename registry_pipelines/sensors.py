"""Sensors that keep the graph fresh."""

from __future__ import annotations

import dagster as dg

from resources.configuration.settings import Site


def build_sensors(site: Site) -> list[dg.SensorDefinition]:
    """The sensor that makes usage and health anew when an inventory or a catalog came."""
    on = dg.DefaultSensorStatus.RUNNING if site.schedules.switched_on else dg.DefaultSensorStatus.STOPPED
    return [
        dg.AutomationConditionSensorDefinition(
            "follow_the_evidence",
            target=dg.AssetSelection.all(),
            default_status=on,
            description="Makes usage and health anew as soon as an inventory or a catalog was taken.",
        )
    ]
