"""Torn uploads, by the paths that distribution's storage has for them."""

from __future__ import annotations

from registry_core.findings_uploads import judge_uploads

_REPOSITORIES = "/var/lib/registry/docker/registry/v2/repositories"


def test_sessions_are_counted_by_repository_and_hurt_nobody() -> None:
    paths = [f"{_REPOSITORIES}/team/web/_uploads/{session}/startedat" for session in ("a", "b")]
    web, api = judge_uploads([f"{_REPOSITORIES}/team/api/_uploads/c/startedat", *paths], older_than="a day")[::-1]
    assert (web.kind, web.what, web.repository, web.severity, web.used_by) == (
        "missing",
        "upload",
        "team/web",
        "warning",
        "",
    )
    assert web.detail.startswith("2 uploads were begun more than a day ago and never finished")
    assert api.detail.startswith("1 upload was begun")


def test_what_is_no_session_is_not_looked_at() -> None:
    paths = [
        f"{_REPOSITORIES}/team/web/_uploads/a/data",
        f"{_REPOSITORIES}/team/web/_layers/sha256/startedat",
        "find: /var/lib/registry/lost+found: Permission denied",
        "",
    ]
    assert judge_uploads(paths, older_than="a day") == []
