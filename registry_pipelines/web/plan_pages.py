"""`/plans`, `/plans/<fingerprint>` and its JSON: the whole of a plan, to be searched and downloaded.

Entries are paged here, not in the browser, so that a plan of 400,000 opens as fast as one of 40.
"""

from __future__ import annotations

from typing import get_args
from urllib.parse import urlencode

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assets.plan_presentation import agreement_text, counts_text
from registry_core.errors import Refused
from registry_core.foreign_json import whole_number
from registry_pipelines.web.answers import HEADERS, Told, told_answer
from registry_pipelines.web.pages import page
from registry_pipelines.web.plan_lines import OpenLines, ShownLines
from registry_pipelines.web.plan_paging import Order, Wanted
from registry_pipelines.web.plan_reader import OpenPlan, PlanReader, Shown

ORDERS: tuple[Order, ...] = get_args(Order)

#: Tones that all pages share, by the state of a plan.
TONES = {"waiting": "warning", "nothing to do": "ok", "approved": "ok", "executing": "warning", "done": "ok",
         "rejected": "error", "superseded": "error", "expired": "error", "stopped": "critical"}  # fmt: skip

_LARGEST = 10


def plan_routes(reader: PlanReader) -> list[Route]:
    """Pages over the ledger. They read, and change nothing: decisions are made in Dagster or on the command line."""

    async def plans(request: Request) -> Response:
        records = await to_thread.run_sync(reader.records)
        return page("plans.html", records=records, counts=counts_text, tones=TONES)

    async def plan(request: Request) -> Response:
        opened = await _open(reader, request)
        if isinstance(opened, Response):
            return opened
        wanted = _wanted(request)
        shown: Shown | ShownLines = await to_thread.run_sync(opened.show, wanted)
        record = opened.record

        def link(**changes: object) -> str:
            asked = {"q": wanted.text, "order": wanted.order, "page": shown.page, **changes}
            return f"/plans/{record.short}?{urlencode(asked)}"

        if isinstance(opened, OpenLines):
            answer = page(
                "plan_lines.html",
                record=record,
                what_happens=agreement_text(record),
                approvals=opened.approvals,
                columns=opened.columns,
                shown=shown,
                wanted=wanted,
                has_outcomes=bool(opened.outcomes),
                link=link,
                tones=TONES,
            )
            return _asking_itself(answer)
        answer = page(
            "plan.html",
            record=record,
            summary=opened.summary,
            basis=opened.plan.basis,
            approvals=opened.approvals,
            largest=_LARGEST,
            shown=shown,
            wanted=wanted,
            orders=[order for order in ORDERS if order != "outcome" or opened.outcomes],
            has_outcomes=bool(opened.outcomes),
            link=link,
            tones=TONES,
        )
        return _asking_itself(answer)

    async def plan_json(request: Request) -> Response:
        try:
            record, document = await to_thread.run_sync(reader.document, request.path_params["fingerprint"])
        except Refused as error:
            return told_answer(request.scope, Told(404, str(error)))
        disposition = {"Content-Disposition": f'attachment; filename="{record.kind}-plan-{record.short}.json"'}
        return Response(document, media_type="application/json", headers={**HEADERS, **disposition})

    return [
        Route("/plans", plans),
        Route("/plans/{fingerprint}.json", plan_json),
        Route("/plans/{fingerprint}", plan),
    ]


def _asking_itself(answer: Response) -> Response:
    """The one form of the service asks its page again with other words."""
    policy = answer.headers["Content-Security-Policy"]
    answer.headers["Content-Security-Policy"] = policy.replace("form-action 'none'", "form-action 'self'")
    return answer


async def _open(reader: PlanReader, request: Request) -> OpenPlan | OpenLines | Response:
    """The plan, or the answer that there is none."""
    try:
        return await to_thread.run_sync(reader.open, request.path_params["fingerprint"])
    except Refused as error:
        return told_answer(request.scope, Told(404, str(error)))


def _wanted(request: Request) -> Wanted:
    """What the address asks for; what cannot be understood is as good as not asked."""
    asked = request.query_params
    order: Order = next((one for one in ORDERS if one == asked.get("order")), "plan")
    number = asked.get("page", "1")
    return Wanted(text=asked.get("q", "")[:500], order=order, page=max(1, whole_number(number) or 1))
