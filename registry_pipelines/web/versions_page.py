"""`/versions`: what runs where and what newer there is, for people without access to Dagster; also as one file."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from registry_core.deployed_versions import Deployed, Product, VersionsReport
from registry_core.deployed_versions_words import (
    distance,
    newest_text,
    summary_sentence,
    version_text,
)
from registry_pipelines.web.kept_report import KeptReport
from registry_pipelines.web.pages import page

#: Gravity of a look, in the tones that all pages share.
_TONES = {
    "gone": "critical", "moved": "critical", "uncatalogued": "warning", "differs": "warning", "retagged": "warning",
    "patch": "warning", "unversioned": "error", "untagged": "error", "unread": "error", "copies differ": "error",
    "unused": "ok",
}  # fmt: skip


def versions_routes(kept: KeptReport[VersionsReport]) -> list[Route]:
    async def as_page(request: Request) -> Response:
        return await to_thread.run_sync(lambda: versions_page(kept.report(), home="/"))

    return [Route("/versions", as_page)]


def versions_page(report: VersionsReport, *, home: str | None) -> HTMLResponse:
    """The report as a page; `home` is where the front page is, where there is one."""
    return page(
        "versions.html",
        report=report,
        summary=summary_sentence(report),
        distance=distance,
        version_text=version_text,
        newest_text=newest_text,
        weight=_weight,
        title_of=_title_of,
        tones=_TONES,
        home=home,
    )


def standalone_page(report: VersionsReport) -> bytes:
    """The same page as a file of its own: nothing in it is loaded from anywhere."""
    return bytes(versions_page(report, home=None).body)


def _weight(product: Product, place: str) -> int:
    """By which a column of a place is sorted: furthest behind first, then what nobody knows, then the rest."""
    there = product.at(place)
    if not there:
        return -2
    return max(-1 if one.behind is None else one.behind for one in there)


def _title_of(one: Deployed) -> str:
    """What the pointer shows: who runs it, and the digest."""
    pods = f"{one.pods} pod{'' if one.pods == 1 else 's'} running" if one.pods else "nothing running now"
    parts = [", ".join(one.workloads), pods, one.digest or "digest not known"]
    return " · ".join(part for part in parts if part)
