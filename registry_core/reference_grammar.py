"""The grammar of image references, as written: no Docker Hub defaults, no lower-casing, no guessing.

Source: distribution/reference `reference.go` (the grammar in its package comment) and `regexp.go`, which is what
docker, containerd and the kubelet compile in. The words of a broken rule are theirs too, so that a message of
ours and the event of a pod can be recognised as the same thing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from registry_core.digests import why_not_digest
from registry_core.errors import InvalidReference

#: Characters of a repository without its host (`RepositoryNameTotalLengthMax`).
LONGEST_REPOSITORY = 255

_HOST_COMPONENT = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)"
_HOST = rf"(?:{_HOST_COMPONENT}(?:\.{_HOST_COMPONENT})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_PATH = rf"{_PATH_COMPONENT}(?:/{_PATH_COMPONENT})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"

_REFERENCE = re.compile(rf"(?:({_HOST})/)?({_PATH})(?::({_TAG}))?(?:@({_DIGEST}))?")
_WHOLE_HOST = re.compile(_HOST)
_WHOLE_TAG = re.compile(_TAG)
_WHOLE_DIGEST = re.compile(_DIGEST)
_WHOLE_PATH = re.compile(_PATH)
_CREDENTIALS = re.compile(r"//[^/\s]*@")
_LONGEST_SHOWN = 300


class WrittenReference(NamedTuple):
    """The four parts of a reference as they were written; an absent host, tag or digest is empty or None.

    `host` is empty for `nginx` and `test_com/foo`. In `library/nginx` it is `library`: the grammar alone cannot
    tell a host from a path, which is why nobody but `registry_core.references` should read it.
    """

    host: str
    path: str
    tag: str | None
    digest: str | None


def read_written(text: str, *, shown: str | None = None) -> WrittenReference:
    """Take a reference apart by the grammar alone (`reference.Parse`). Raises InvalidReference.

    `shown` is what the error shows instead of `text`, where defaults were put before it.
    """
    as_written = text if shown is None else shown
    if not text:
        raise broken(as_written, "repository name must have at least one component", "write a repository")
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise _format_error(text, as_written)
    host, path, tag, digest = match.groups()
    if len(path) > LONGEST_REPOSITORY:
        rule = f"repository name must not be more than {LONGEST_REPOSITORY} characters"
        raise broken(as_written, rule, f"it has {len(path)}")
    if digest is not None and (rule_of_digest := why_not_digest(digest)):
        advice = "a digest is `sha256:` and 64 lower case hexadecimal characters"
        raise broken(as_written, rule_of_digest, advice)
    return WrittenReference(host or "", path, tag, digest)


def is_host(text: str) -> bool:
    """Whether `text` is written like a registry: a name or an address, with or without a port."""
    return _WHOLE_HOST.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether `text` may be a tag (OCI distribution specification, "Pulling manifests")."""
    return _WHOLE_TAG.fullmatch(text) is not None


def is_repository(text: str) -> bool:
    """Whether `text` may be the name of a repository in a registry, without the host."""
    return len(text) <= LONGEST_REPOSITORY and _WHOLE_PATH.fullmatch(text) is not None


def broken(text: str, rule: str, advice: str) -> InvalidReference:
    """The error for a text that breaks `rule` (in the runtimes' words), with what to write instead.

    Long texts are cut, and what stands before an `@` of a URL is left out: it may be a password.
    """
    shown = _CREDENTIALS.sub("//", text)
    if len(shown) > _LONGEST_SHOWN:
        shown = f"{shown[:_LONGEST_SHOWN]}… ({len(text)} characters)"
    return InvalidReference(f"{shown!r} is not an image reference: {rule}: {advice}")


def _format_error(text: str, as_written: str) -> InvalidReference:
    if (lowered := text.lower()) != text and _REFERENCE.fullmatch(lowered):
        return broken(as_written, "repository name must be lowercase", "write the repository in lower case")
    return broken(as_written, "invalid reference format", _format_advice(as_written))


def _format_advice(text: str) -> str:
    """The likeliest reason; the grammar itself only says no."""
    if not text:
        return "there is no repository in it"
    if any(character.isspace() for character in text):
        return "there is white space in it: remove it"
    if "://" in text:
        return "it is a URL: leave out everything up to `://`"
    if any(character in text for character in "{}$<>"):
        return "it holds a placeholder that nothing has filled in"
    if text.endswith("/") or "//" in text:
        return "a part of its path is empty: write one `/` between two names"
    if text.startswith(("@", ":")):
        return "there is no repository before the tag or digest"
    name, _, digest = text.partition("@")
    if "@" in text and not _WHOLE_DIGEST.fullmatch(digest):
        return "what follows the `@` is no digest: write `@sha256:` and 64 hexadecimal characters"
    tag = name.rpartition("/")[2].partition(":")[2]
    if ":" in name.rpartition("/")[2] and not is_tag(tag):
        return (
            "what follows the `:` is no tag: 1 to 128 letters, digits, `_`, `.` or `-`, not beginning with `.` or `-`"
        )
    return (
        "a repository is lower case letters and digits, with single `.`, `_`, `__` or `-` between them and"
        " `/` between its parts"
    )
