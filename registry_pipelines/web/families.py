"""What a family of metrics is made from, and how it is begun."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from registry_core.monitoring import Moment
from registry_pipelines.web.standing import Standing

_PREFIX = "registry_pipelines_"


@dataclass(frozen=True, slots=True)
class Scrape:
    """What one scrape is made from."""

    standing: Standing
    moment: Moment


def gauge(name: str, about: str, *labels: str, value: float | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, about, value=value, labels=labels or None)


def counter(name: str, about: str, *labels: str) -> CounterMetricFamily:
    """`_total` is added to its name. Its values never become smaller, whatever is restarted."""
    return CounterMetricFamily(_PREFIX + name, about, labels=labels)
