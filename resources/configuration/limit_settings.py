"""The sections `limits` and `schedules`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from resources.configuration.base import Settings
from resources.configuration.spans import Span


class Limits(Settings):
    """The brakes. A snapshot older than these is not believed; a plan beyond these is refused."""

    max_inventory_age: Span = Field(timedelta(hours=2), description="older inventories are not believed")
    max_catalog_age: Span = Field(timedelta(hours=30), description="older catalogs are not believed")
    max_plan_age: Span = Field(timedelta(hours=24), description="older plans are not carried out")
    max_evicted_images: int = Field(500, ge=0, description="a plan that evicts more images is refused")
    max_evicted_share: float = Field(
        0.9, gt=0, le=1, description="a plan that evicts a larger share of a registry's images is refused"
    )
    max_unread_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="no plan is made when a larger share of a registry's repositories could not be read; what could not"
        " be read is kept",
    )
    min_images_in_use: int = Field(
        10, ge=0, description="no plan is made when the inventories show fewer images in use"
    )
    second_person_above_images: int | None = Field(
        None, ge=0, description="a plan that evicts more needs two approvers", examples=[100]
    )
    second_person_above_share: float | None = Field(
        None, ge=0, le=1, description="the same for a larger share of a registry's images", examples=[0.25]
    )


Cron = Annotated[str, Field(pattern=r"^\S+( \S+){4}$")]


class Schedules(Settings):
    """When the graph is made again. Times are UTC."""

    inventory: Cron = Field("*/15 * * * *", description="cron: take the inventory of every cluster")
    catalog: Cron = Field("0 2 * * *", description="cron: crawl every registry")
    migrations: Cron = Field("0 5 * * 0", description="cron: read back what migrations copied, because copies decay")
    plan_migrations: bool = Field(
        False, description="make plans of migrations anew when their evidence is new, not only when asked"
    )
    switched_on: bool = Field(
        False, description="schedules and sensors start switched on, instead of waiting for a person in the UI"
    )
