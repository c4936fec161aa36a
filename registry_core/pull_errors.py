"""What a kubelet says when it cannot pull, as one of our five words.

The words come from the runtime's message, which quotes the registry: containerd's `not found`, `403 Forbidden`,
`429 Too Many Requests`, `dial tcp …: i/o timeout` (containerd `core/remotes/docker`, kubelet
`pkg/kubelet/images`). A message we do not know is `unreachable`: we cannot tell why, only that it did not come.
"""

from __future__ import annotations

import re

from registry_core.coverage import Fault

_SIGNS: tuple[tuple[Fault, re.Pattern[str]], ...] = (
    ("throttled", re.compile(r"\b429\b|too ?many ?requests|rate limit", re.IGNORECASE)),
    (
        "forbidden",
        re.compile(
            r"\b40[13]\b|unauthorized|forbidden|denied|no basic auth|authorization failed|authentication required",
            re.IGNORECASE,
        ),
    ),
    (
        "unreachable",
        re.compile(
            r"dial tcp|no such host|i/o timeout|connection (refused|reset)|deadline exceeded|x509|tls:|\b50\d\b"
            r"|http: server gave http response|network is unreachable|server misbehaving",
            re.IGNORECASE,
        ),
    ),
    (
        "corrupt",
        re.compile(r"unexpected (digest|commit|eof|size)|failed size validation|checksum|mismatch", re.IGNORECASE),
    ),
    (
        "missing",
        re.compile(
            r"not found|\b404\b|manifest unknown|name unknown|couldn't parse image|invalid ?(reference|image ?name)"
            r"|no match for platform",
            re.IGNORECASE,
        ),
    ),
)


def fault_of_pull_error(reason: str | None, message: str | None) -> Fault:
    """The fault behind a waiting container. Trap: order matters, a 403 body may well say "not found"."""
    if reason == "InvalidImageName":
        return "missing"
    text = message or ""
    return next((fault for fault, sign in _SIGNS if sign.search(text)), "unreachable")
