"""`/single-copies`: what is in use and has no copy, for people without access to Dagster."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from registry_core.single_copies import VERDICTS, CopiesReport, Verdict
from registry_core.single_copies_words import MEANING, cluster_rows, short_name, summary_sentence, why_text
from registry_pipelines.web.kept_report import KeptReport
from registry_pipelines.web.pages import page

#: Gravity of a verdict, in the tones that all pages share.
_TONES: dict[Verdict, str] = {
    "nowhere": "critical", "outside": "warning", "single": "warning", "unknown": "error", "copied": "ok",
}  # fmt: skip


def copies_routes(kept: KeptReport[CopiesReport]) -> list[Route]:
    async def as_page(request: Request) -> Response:
        return await to_thread.run_sync(lambda: copies_page(kept.report()))

    return [Route("/single-copies", as_page)]


def copies_page(report: CopiesReport) -> HTMLResponse:
    return page(
        "single_copies.html",
        report=report,
        summary=summary_sentence(report),
        clusters=cluster_rows(report),
        verdicts=VERDICTS,
        meaning=MEANING,
        tones=_TONES,
        why_text=why_text,
        short_name=short_name,
    )
