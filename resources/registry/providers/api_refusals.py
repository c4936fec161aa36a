"""Answers of vendors' APIs that are not what was asked for, as errors in our words."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from registry_core.coverage import Fault
from registry_core.errors import RegistryError
from registry_core.foreign_json import whole_number
from resources.registry.refusals import fault_of, printable
from resources.registry.transport.retries import PASSING, retry_after_seconds


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """Status, headers (any case) and content: JSON where it is JSON, else None."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    content: Any = field(repr=False)
    url: str  #: without its query

    @property
    def is_web_page(self) -> bool:
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        start = self.body[:200].lstrip().lower()
        return kind in ("text/html", "application/xhtml+xml") or start.startswith((b"<!doctype html", b"<html"))

    @property
    def said(self) -> str:
        """The sentence that the other side wrote, cut: vendors put it into different keys."""
        content = self.content
        if isinstance(content, dict):
            errors = content.get("errors")
            first = errors[0] if isinstance(errors, list) and errors else None
            nested = content.get("error")
            for place in (first, nested if isinstance(nested, dict) else None, content):
                if isinstance(place, dict):
                    for key in ("message", "Message", "detail", "error_message", "error_description"):
                        if isinstance(place.get(key), str):
                            return printable(place[key])
            if isinstance(nested, str):
                return printable(nested)
        return ""


#: Says what to do about an answer, where the vendor's file knows better: (fault, next step) or None.
Explain = Callable[[ApiAnswer], tuple[Fault, str] | None]


def throttled_until(answer: ApiAnswer, *, now: float | None = None) -> float | None:
    """When we may ask again (seconds since 1970), where the answer says that we asked too much; else None.

    `Retry-After` is seconds or a date (RFC 9110); Docker Hub's `X-Retry-After` and everybody's
    `X-RateLimit-Reset` are times. GitHub answers 403 as well as 429, for its secondary limits too.
    """
    now = time.time() if now is None else now
    spent = answer.headers.get("x-ratelimit-remaining") == "0"
    after = retry_after_seconds(answer.headers.get("retry-after"), date=answer.headers.get("date"))
    secondary = answer.status == 403 and (after is not None or "rate limit" in answer.said.lower())
    if answer.status != 429 and not (answer.status == 403 and (spent or secondary)):
        return None
    if after is not None:
        return now + after
    for name in ("x-retry-after", "x-ratelimit-reset"):
        value = whole_number(answer.headers.get(name, ""))
        if value is not None and (name != "x-ratelimit-reset" or spent or answer.status == 429):
            return float(value) if float(value) > 1_000_000_000 else now + float(value)
    return now + 60  # "wait for at least one minute" (GitHub, best practices for using the REST API)


def throttled(label: str, wanted: str, until: float) -> RegistryError:
    at = datetime.fromtimestamp(min(until, 32_503_680_000), UTC)
    return RegistryError(
        f"{label}: could not {wanted}: it limits how much we may ask, until {at:%Y-%m-%d %H:%M:%S} UTC, longer than"
        " `patience`; what was read before is kept, run again after that",
        fault="throttled",
        retryable=True,
        status=429,
    )


def refusal(label: str, wanted: str, answer: ApiAnswer, explain: Explain | None, *, tries: int = 1) -> RegistryError:
    """The error for an answer that is not what was asked for."""
    fault = fault_of(answer.status)
    after = f" after {tries} tries" if tries > 1 else ""
    if answer.is_web_page:
        what = f"a web page came with status {answer.status} instead of an answer of the API"
        step = "look at proxies and portals between, and at the `api` address"
        fault = fault if fault in ("forbidden", "throttled") else "unreachable"
    else:
        said = f" ({answer.said})" if answer.said else ""
        what = f"it answered {answer.status}{_phrase(answer.status)}{said}"
        explained = explain(answer) if explain else None
        if explained is not None:
            fault, step = explained
        else:
            step = _NEXT.get(fault, "")
    return RegistryError(
        f"{label}: could not {wanted}: {what}{after}" + (f"; {step}" if step else ""),
        fault=fault,
        retryable=answer.status in PASSING,
        status=answer.status,
    )


def nonsense(label: str, wanted: str, answer: ApiAnswer, why: str) -> RegistryError:
    """The error for a 2xx answer whose content is not what it should be; a web page is named as one."""
    if answer.is_web_page:
        return refusal(label, wanted, answer, None)
    return RegistryError(
        f"{label}: could not {wanted}: {why}; look at proxies between, and at the `api` address",
        fault="unreachable",
        status=answer.status,
    )


def _phrase(status: int) -> str:
    try:
        return " " + HTTPStatus(status).phrase
    except ValueError:
        return ""


_NEXT: dict[Fault, str] = {
    "forbidden": "check what the configured user or token may do there",
    "missing": "check its name, and that the configured user may see it",
    "unreachable": "try again later, and look at the vendor's status page",
}
