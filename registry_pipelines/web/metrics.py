"""The metrics of evidence: one function a family. A new one is a function here or in `metrics_deeds`, and a line in
`FAMILIES`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from registry_core.coverage import FAULTS
from registry_core.monitoring import answer_check
from registry_core.monitoring_uses import GROUNDS
from registry_pipelines.web import metrics_deeds
from registry_pipelines.web.families import Scrape, gauge


def findings(scrape: Scrape) -> Iterator[Metric]:
    """Zero is told for every kind and cluster, so that an alert sees the difference between none and unknown."""
    family = gauge(
        "findings",
        "Findings of the newest health report; one that hurts several clusters counts in each, none: cluster is empty.",
        "registry", "kind", "cluster", "severity",
    )  # fmt: skip
    clusters = sorted(source.source for source in scrape.standing.sources if source.kind == "inventory")
    for registry, report in scrape.standing.known.reports:
        counts: Counter[tuple[str, str, str]] = Counter()
        frame = report.findings
        for kind, hurt, severity in zip(frame["kind"], frame["clusters"], frame["severity"], strict=True):
            for cluster in hurt.split(", ") if isinstance(hurt, str) and hurt else [""]:
                counts[kind, cluster, severity] += 1
        told = {(kind, cluster, severity) for kind in FAULTS for cluster in ("", *clusters)
                for severity in ("error", "warning")}  # fmt: skip
        for key in sorted(told | set(counts)):
            family.add_metric([registry, *key], counts[key])
    yield family


def images_in_trouble(scrape: Scrape) -> Iterator[Metric]:
    troubles = scrape.standing.known.troubles
    if troubles is not None:
        family = gauge("images_in_trouble", "References in use with which something is wrong, where it hurts most.",
                        "where", "pull_error")  # fmt: skip
        for ground in GROUNDS:
            here = [trouble for trouble in troubles if trouble.ground == ground]
            failing = sum("ImagePullBackOff" in trouble.wrongs for trouble in here)
            family.add_metric([ground, "yes"], failing)
            family.add_metric([ground, "no"], len(here) - failing)
        yield family
    answer = answer_check(scrape.standing.sources, troubles, scrape.moment)
    yield gauge("check_state", "What the check says: 0 OK, 1 WARNING, 2 CRITICAL, 3 ERROR.", value=answer.exit_code)


def snapshots(scrape: Scrape) -> Iterator[Metric]:
    """Absent for what was never read: an age that nobody knows is not zero."""
    now = scrape.moment.now
    age = gauge(
        "snapshot_age_seconds",
        "Age of the newest snapshot that is whole, or a catalog within limits.max_unread_share.",
        "kind",
        "source",
    )
    limit = gauge("snapshot_max_age_seconds", "Older snapshots are not believed.", "kind", "source")
    whole = gauge("snapshot_complete", "Whether the newest snapshot is whole.", "kind", "source")
    gaps = gauge("snapshot_gaps", "Places that the newest snapshot could not read, by fault.",
                  "kind", "source", "fault")  # fmt: skip
    for source in scrape.standing.sources:
        labels = [source.kind, source.source]
        limit.add_metric(labels, source.max_age.total_seconds())
        if source.whole_at is not None:
            age.add_metric(labels, (now - source.whole_at).total_seconds())
        if source.read_at is not None:
            whole.add_metric(labels, float(source.whole_at == source.read_at and not source.gaps))
            faults = Counter(gap.fault for gap in source.gaps)
            for fault in FAULTS:
                gaps.add_metric([*labels, fault], faults[fault])
    yield from (age, limit, whole, gaps)


def registries(scrape: Scrape) -> Iterator[Metric]:
    families = (
        (gauge("repositories", "Repositories of the catalog.", "registry"), "repositories"),
        (gauge("tags", "Tags of the catalog.", "registry"), "tags"),
        (gauge("images", "Manifests of the catalog, tagged or not.", "registry"), "images"),
        (gauge("image_bytes", "Bytes of all images as their manifests say; layers that are shared count with each.",
                "registry"), "stored_bytes"),
    )  # fmt: skip
    for name, figures in scrape.standing.known.figures.items():
        for family, field in families:
            family.add_metric([name], getattr(figures, field))
    yield from (family for family, _ in families)


FAMILIES: tuple[Callable[[Scrape], Iterable[Metric]], ...] = (
    findings,
    images_in_trouble,
    snapshots,
    registries,
    metrics_deeds.plans,
    metrics_deeds.evictions,
    metrics_deeds.copies,
    metrics_deeds.collections,
    metrics_deeds.cutovers,
    metrics_deeds.replications,
    metrics_deeds.readings,
)


class _Families(Collector):
    def __init__(self, scrape: Scrape) -> None:
        self._scrape = scrape

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            yield from family(self._scrape)


def collect_into(registry: CollectorRegistry, scrape: Scrape) -> None:
    registry.register(_Families(scrape))
