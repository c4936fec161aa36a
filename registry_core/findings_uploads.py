"""Torn uploads: sessions that somebody began and never finished, as the storage of distribution shows them.

The API cannot tell: a session has an address that only its uploader knows, and there is no list of them (OCI
distribution specification, "Pushing a blob in chunks").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from registry_core.findings import Finding

#: Source: distribution 2.8 and 3, `registry/storage/paths.go` (uploadStartedAtPathSpec).
_SESSION = re.compile(r"/repositories/(?P<repository>[a-z0-9._/-]+)/_uploads/[^/]+/startedat$")


def judge_uploads(paths: Iterable[str], *, older_than: str) -> list[Finding]:
    """Findings for the `startedat` files of old sessions, one a repository: warnings, as they only take room.

    `older_than` says in words how old all of them are. Other paths are not looked at.
    """
    torn = Counter(found["repository"] for path in paths if (found := _SESSION.search(path)) is not None)
    return [
        Finding("missing", "upload", repository, None, None, None, None, "warning", _told(count, older_than))
        for repository, count in sorted(torn.items())
    ]


def _told(count: int, older_than: str) -> str:
    begun = f"{count} upload was" if count == 1 else f"{count} uploads were"
    return (
        f"{begun} begun more than {older_than} ago and never finished; the registry throws them away itself"
        " where `storage.maintenance.uploadpurging` is enabled"
    )
