"""What the repositories of one crawl share."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from resources.registry.connection import RegistryConnection
from resources.registry.crawling.memory import ConfigsSeen, Remembered
from resources.registry.crawling.referrers_api import ReferrersApi
from resources.registry.crawling.vendor import VendorBeside
from resources.registry.transport.engine import Engine


@dataclass(frozen=True)
class CrawlContext:
    """What the repositories of one crawl share."""

    connection: RegistryConnection
    engine: Engine
    remembered: Remembered
    configs: ConfigsSeen
    referrers: ReferrersApi
    as_of: datetime
    referrers_every: timedelta
    vendor: VendorBeside = field(default_factory=lambda: VendorBeside(None))
    asked_tags: Mapping[str, Collection[str]] = field(default_factory=dict)  #: repository → tags to read, listed or not
    in_use: Mapping[str, Collection[str]] = field(default_factory=dict)  #: repository → digests that workloads use
