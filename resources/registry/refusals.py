"""What a registry answered instead, told in our words: the fault, the sentence, the next step."""

from __future__ import annotations

import re
from http import HTTPStatus

from registry_core.coverage import Fault
from registry_core.digests import is_digest
from registry_core.errors import RegistryError
from registry_core.foreign_json import read_json
from resources.registry.transport.messages import Answer
from resources.registry.transport.retries import PASSING

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LONGEST_DETAIL = 200
#: Statuses of those that may not do this at all, whatever they send.
_DENIED = frozenset({401, 403, 405, 407, 413, 451})
#: Statuses that refuse the request itself, whoever sends them: conflict, precondition, type, locked, …
_REFUSING = frozenset({402, 406, 409, 411, 412, 414, 415, 417, 422, 423, 424, 426, 428, 431})
#: What a registry says of a request that it refuses (OCI distribution specification, "Error Codes"; distribution).
_REFUSING_CODES = frozenset(
    {
        "BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DENIED", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN",
        "MANIFEST_INVALID", "MANIFEST_UNVERIFIED", "NAME_INVALID", "RANGE_INVALID", "SIZE_INVALID", "TAG_INVALID",
        "UNAUTHORIZED", "UNSUPPORTED",
    }
)  # fmt: skip
_ABOUT_CONTENT = frozenset(
    {"MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "DIGEST_INVALID", "NAME_INVALID", "SIZE_INVALID"}
)


def fault_of(status: int) -> Fault:
    """The fault that a status means when it is the whole answer."""
    if status in (404, 410):
        return "missing"
    if status in _DENIED:
        return "forbidden"
    if status == 429:
        return "throttled"
    return "unreachable"


def hides_its_list(error: RegistryError) -> bool:
    """Whether a registry says that it has no such list, or not for us: then names can come from elsewhere.

    Any other answer may hide anything, and so does a refusal of the request itself. A 400 without codes is that of a
    token server.
    """
    if error.fault != "forbidden":
        return error.fault == "missing"
    return error.status is None or error.status in _DENIED or (error.status == 400 and not error.codes)


def error_codes(body: bytes) -> tuple[tuple[str, ...], str]:
    """Codes of a registry's error body and its first message, cut (OCI distribution specification, "Error Codes")."""
    try:
        errors = read_json(body)["errors"]
        codes = tuple(str(error.get("code", ""))[:60] for error in errors)
        first = errors[0]
        detail = str(first.get("message") or "") if isinstance(first, dict) else ""
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return (), ""
    return codes, printable(detail)


def digests_lacking(body: bytes) -> tuple[str, ...]:
    """Digests that an error body names as unknown: as `detail`, in it, or in a list of it."""
    try:
        errors = read_json(body)["errors"]
        details = [error.get("detail") for error in errors if str(error.get("code", "")).endswith("BLOB_UNKNOWN")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()
    listed = [one for detail in details for one in (detail if isinstance(detail, list) else [detail])]
    named = [one.get("digest") if isinstance(one, dict) else one for one in listed]
    return tuple(one for one in named if isinstance(one, str) and is_digest(one))


def is_about_content(answer: Answer) -> bool:
    """Whether a 5xx answer says what is wrong with what was sent, so that sending it again is of no use.

    docker-registry 2.8 answers a manifest whose foreign layer it does not take with 500 and `MANIFEST_BLOB_UNKNOWN`.
    """
    return answer.status >= 500 and not _ABOUT_CONTENT.isdisjoint(error_codes(answer.body)[0])


def is_refused(answer: Answer) -> bool:
    """Whether the registry refuses the request itself: by its status, or in the words of registries.

    A bare 400 is none: a server of TLS answers plain HTTP with it, and a proxy that does not understand us.
    """
    if is_about_content(answer) or answer.status in _REFUSING:
        return True
    own_words = 400 <= answer.status < 500 and answer.status not in PASSING
    return own_words and not _REFUSING_CODES.isdisjoint(error_codes(answer.body)[0])


def printable(text: str) -> str:
    """A text of the other side, fit for a message: one line, cut."""
    text = _CONTROL.sub(" ", text).strip()
    return text if len(text) <= _LONGEST_DETAIL else text[: _LONGEST_DETAIL - 1] + "…"


def is_web_page(answer: Answer) -> bool:
    """True for HTML: a login page, a proxy's error, a host that is no registry."""
    return answer.media_type in ("text/html", "application/xhtml+xml") or answer.body[:15].lower().startswith(
        (b"<!doctype html", b"<html")
    )


def refusal(answer: Answer, wanted: str, registry: str, *, tries: int = 1, next_step: str = "") -> RegistryError:
    """The error for an answer that is not what was asked for."""
    status = answer.status
    fault = fault_of(status)
    codes, detail = error_codes(answer.body)
    page = is_web_page(answer) and not codes
    if fault == "unreachable" and is_refused(answer) and not page:
        fault = "forbidden"
    if (status == 400 or is_about_content(answer)) and any(code.endswith("_UNKNOWN") for code in codes):
        fault = "missing"
    if page:
        what = f"a web page came with status {status} instead of a registry's answer"
        fault = fault if fault in ("forbidden", "throttled") else "unreachable"
        step = next_step or "check that `url` is the registry itself, and look at proxies and portals before it"
    else:
        what = f"it answered {status}{_phrase(status)}"
        said = ": ".join(part for part in (", ".join(codes), detail) if part)
        what += f" ({said})" if said else ""
        if lacking := digests_lacking(answer.body):
            what += f"; it lacks {', '.join(lacking[:3])}"
        step = next_step or (_REFUSED if fault == "forbidden" and status not in _DENIED else _NEXT.get(fault, ""))
        if 300 <= status < 400:
            where = "elsewhere, which is not followed here" if answer.header("location") else "to nowhere"
            step = f"it redirects {where}; check proxies before the registry"
        elif status == 405:
            step = "the registry does not offer this here (a mirror, or read-only); check `url`"
        if status in (413, 507):
            step = "it is full, or a proxy before it limits the size of what is sent; make room, then try again"
    after = f" after {tries} tries" if tries > 1 else ""
    return RegistryError(
        f"{registry}: could not {wanted}: {what}{after}" + (f"; {step}" if step else ""),
        fault=fault,
        retryable=status in PASSING and not is_about_content(answer),
        status=status,
        codes=codes,
        lacks=digests_lacking(answer.body),
    )


def nonsense(answer: Answer, wanted: str, registry: str, why: str, *, fault: Fault = "corrupt") -> RegistryError:
    """The error for a 2xx answer whose content is not what it should be; a web page is named as one."""
    if is_web_page(answer):
        return refusal(answer, wanted, registry)
    return RegistryError(
        f"{registry}: could not {wanted}: {why}; look at what is stored there, and at proxies between",
        fault=fault,
        status=answer.status,
    )


def _phrase(status: int) -> str:
    try:
        return " " + HTTPStatus(status).phrase
    except ValueError:
        return ""


_REFUSED = "it answers and refuses just this; look at the registry's log, and at proxies before it"
_NEXT: dict[Fault, str] = {
    "forbidden": "check `credentials` and what this user may read there",
    "throttled": "try later, set `requests_per_second`, or raise `patience`",
    "unreachable": "look at the registry's log",
}
