"""The room of all pages: one frame, one style, everything inside the page.

A page is a template in `templates/` that extends `base.html`. It loads nothing from anywhere: styles and scripts
stand in it and carry the nonce of the answer, so that a saved page still works and nothing foreign runs.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from assets.presentation import size
from registry_core.monitoring_evidence import span_in_words


@dataclass(frozen=True, slots=True)
class Link:
    """One thing that the front page offers."""

    path: str
    name: str
    about: str


#: What the front page offers, in its order. Another group of routes adds its page here.
LINKS = (
    Link("/plans", "Plans", "what would be done, why, and what became of it"),
    Link("/versions", "Versions", "what runs where, and what newer there is"),
    Link("/single-copies", "Single copies", "what is in use and in one registry only"),
    Link("/_nagios_check_registry", "The check", "one line for a monitoring system, then one for each image"),
    Link("/_report.json", "Report", "references in use that are in trouble, as JSON"),
    Link("/_report.csv", "Report as CSV", "the same rows for a spreadsheet"),
    Link("/_images.json", "Images in use", "every reference in use, its phases and its pods"),
    Link("/metrics", "Metrics", "for Prometheus"),
    Link("/_health", "Health", "whether this service can answer"),
)


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from a template. Values are escaped; one that is missing is an error, not a gap."""
    nonce = secrets.token_urlsafe(16)
    text = _ENVIRONMENT.get_template(template).render(nonce=nonce, **values)
    return HTMLResponse(text, status, headers=_headers(nonce))


def _headers(nonce: str) -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:;"
            " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _moment(value: datetime | None) -> str:
    return "never" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _ago(value: timedelta) -> str:
    return span_in_words(max(value, timedelta(0)))


_FILTERS: dict[str, Callable[..., str]] = {
    "moment": _moment,
    "size": size,
    "count": lambda value: f"{value:,}",
    "ago": _ago,
}

_ENVIRONMENT = Environment(
    loader=PackageLoader("registry_pipelines.web"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(_FILTERS)
