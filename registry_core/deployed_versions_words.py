"""The report in words and rows, the same for the terminal, Markdown, the web page and programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from registry_core.deployed_versions import Deployed, Look, Product, VersionsReport

#: A row for each version that a place runs, and one for each product that runs nowhere.
ROW_COLUMNS = (
    "repository", "registries", "place", "cluster", "environment", "version", "known_as", "digest", "digest_from",
    "behind", "at_least", "kind", "pods", "workloads", "since", "newest", "by", "looks", "unread",
)  # fmt: skip

#: Keys of `product_document`.
DOCUMENT_KEYS = ("repository", "registries", "by", "newest", "deployed", "behind", "looks", "unread")


def distance(one: Deployed) -> str:
    """`2 minor`, `2+ minor`, `3 images`, `?`; empty where nothing newer is there."""
    if one.behind is None:
        return "?"
    if not one.behind:
        return ""
    count = f"{one.behind}+" if one.at_least else str(one.behind)
    if one.kind == "image":
        return f"{count} image{'' if one.behind == 1 else 's'}"
    return f"{count} {one.kind}"


def version_text(one: Deployed) -> str:
    """`1.4.1`, or `latest (1.4.2)` where a tag stands for a version."""
    return f"{one.version} ({one.known_as})" if one.known_as else one.version


def place_text(product: Product, place: str) -> str:
    """Every version of a place with how far it is behind: `1.4.1 (-2 minor), 1.5.0`."""
    parts = []
    for one in product.at(place):
        away = distance(one)
        suffix = "" if not away else " (?)" if away == "?" else f" (-{away})"
        parts.append(version_text(one) + suffix)
    return ", ".join(parts)


def newest_text(product: Product, count: int = 1) -> str:
    """The newest versions; `?` where none is known because nothing could be read."""
    if not product.newest:
        return "?" if product.unread else ""
    shown = ", ".join(one.tag for one in product.newest[:count])
    return f"{shown} (?)" if product.unread else shown


def report_rows(products: Sequence[Product]) -> Iterator[dict[str, Any]]:
    """Flat rows with ROW_COLUMNS."""
    for product in products:
        about = {
            "repository": product.name,
            "registries": ", ".join(product.registries),
            "newest": ", ".join(one.tag for one in product.newest),
            "by": product.by,
            "looks": "; ".join(look.text for look in product.looks),
            "unread": "; ".join(product.unread),
        }
        for one in product.deployed:
            yield {**about, **_deployed(one), "workloads": ", ".join(one.workloads)}
        if not product.deployed:
            yield about


def product_document(product: Product) -> dict[str, Any]:
    """A product for programs, everything in it."""
    return {
        "repository": product.name,
        "registries": list(product.registries),
        "by": product.by,
        "newest": [{"tag": one.tag, "digest": one.digest, "at": one.at} for one in product.newest],
        "deployed": [{**_deployed(one), "workloads": list(one.workloads)} for one in product.deployed],
        "behind": product.behind,
        "looks": [{"kind": look.kind, "text": look.text} for look in product.looks],
        "unread": list(product.unread),
    }


def _deployed(one: Deployed) -> dict[str, Any]:
    names = ("place", "cluster", "environment", "registry", "version", "known_as", "digest", "digest_from", "behind",
             "at_least", "kind", "pods", "since")  # fmt: skip
    return {name: getattr(one, name) for name in names} | {"tag": one.tag, "repository_there": one.repository}


def report_markdown(report: VersionsReport, products: Sequence[Product]) -> str:
    """The whole report as Markdown, for a job summary or a wiki."""
    lines = ["# Deployed and available versions", "", summary_sentence(report), ""]
    if report.unread:
        lines += ["Not all could be read, so not all is known:", "", *(f"- {text}" for text in report.unread), ""]
    if products:
        headings = ["repository", *report.places, "newest", "deserves a look"]
        lines += [_row(headings), "|" + "---|" * len(headings)]
        for product in products:
            places = (place_text(product, place) for place in report.places)
            looks = "; ".join(look.text for look in _telling(product))
            lines.append(_row([product.name, *places, newest_text(product, 3), looks]))
    return "\n".join(lines) + "\n"


def summary_sentence(report: VersionsReport) -> str:
    """What was found, in one sentence."""
    if not report.products:
        return "No repository is deployed or available."
    deployed = sum(bool(product.deployed) for product in report.products)
    counts = [
        (report.behind, "behind"),
        (report.count("differs"), "not the same in the environments that should be"),
        (report.count("gone"), "deployed in a version that its registry no longer has"),
        (report.count("moved"), "with a tag that moved"),
        (report.count("uncatalogued"), "not in the catalog"),
        (report.count("unread"), "not fully known"),
    ]
    said = "; ".join(f"{count:,} {what}" for count, what in counts if count)
    as_of = f" Oldest evidence: {report.as_of:%Y-%m-%d %H:%M} UTC." if report.as_of else ""
    return f"{deployed:,} of {len(report.products):,} repositories are deployed{': ' + said if said else ''}.{as_of}"


def _telling(product: Product) -> tuple[Look, ...]:
    """Looks worth a place in a table; that nothing runs is seen from the empty columns."""
    return tuple(look for look in product.looks if look.kind != "unused") or product.looks


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
