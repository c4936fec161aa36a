"""The report on single copies in words and rows, the same for the terminal, Dagster, the web page and programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from registry_core.single_copies import VERDICTS, CopiesReport, UsedImage, Verdict

#: A row an image as used. In CSV lists are joined by `, `.
ROW_COLUMNS = (
    "image", "digest", "verdict", "why", "registries", "parts", "outside", "clusters", "environments", "workloads",
    "pods",
)  # fmt: skip

_LISTS = ("registries", "parts", "clusters", "environments", "workloads")

#: What a person reads above the counts.
MEANING: dict[Verdict, str] = {
    "nowhere": "in no registry, or in none whole",
    "outside": "only in registries that are not ours",
    "single": "in one registry only",
    "unknown": "not known",
    "copied": "in two registries or more",
}


def image_document(image: UsedImage) -> dict[str, Any]:
    """ROW_COLUMNS of one image, lists as lists."""
    judged = image.judgement
    return {
        "image": image.image,
        "digest": image.digest,
        "verdict": judged.verdict,
        "why": judged.why,
        "registries": list(judged.registries),
        "parts": list(judged.parts),
        "outside": judged.outside,
        "clusters": list(image.clusters),
        "environments": list(image.environments),
        "workloads": list(image.workloads),
        "pods": image.pods,
    }


def report_rows(images: Sequence[UsedImage]) -> Iterator[dict[str, Any]]:
    """The same with lists as texts."""
    for image in images:
        document = image_document(image)
        yield document | {name: ", ".join(document[name]) for name in _LISTS}


def why_text(image: UsedImage) -> str:
    """`only in harbor; ghcr has a part (linux/amd64)`."""
    parts = image.judgement.parts
    return image.judgement.why + (f"; a part in {', '.join(parts)}" if parts else "")


def short_name(image: UsedImage) -> str:
    """The image as used, a digest in it cut to twelve digits."""
    name, at, digest = image.image.partition("@")
    return f"{name}@{digest.rpartition(':')[2][:12]}" if at else name


def workloads_text(image: UsedImage, most: int = 3) -> str:
    """The first workloads, and how many more there are."""
    more = len(image.workloads) - most
    return ", ".join(image.workloads[:most]) + (f" and {more:,} more" if more > 0 else "")


def summary_sentence(report: CopiesReport) -> str:
    """What was found, in one sentence."""
    if not report.images:
        return "No image is in use."
    said = "; ".join(f"{count:,} {MEANING[verdict]}" for verdict in VERDICTS if (count := report.count(verdict)))
    as_of = f" Oldest evidence: {report.as_of:%Y-%m-%d %H:%M} UTC." if report.as_of else ""
    return f"Of {len(report.images):,} images in use: {said}.{as_of}"


def cluster_rows(report: CopiesReport) -> list[dict[str, Any]]:
    """A row a cluster: how many of its images have which verdict."""
    rows = []
    for cluster in report.clusters:
        own = report.of_clusters([cluster])
        counts: dict[str, Any] = {verdict: own.count(verdict) for verdict in VERDICTS}
        rows.append({"cluster": cluster, "images": len(own.images), **counts})
    return rows
