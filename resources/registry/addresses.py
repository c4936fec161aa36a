"""Addresses and scopes of the distribution API (OCI distribution specification, "Endpoints")."""

from __future__ import annotations

import re
from urllib.parse import quote

_PLAIN = re.compile(r"[A-Za-z0-9._/-]+")
_PLAIN_REFERENCE = re.compile(r"[A-Za-z0-9._:+-]+")

CATALOG_SCOPE = "registry:catalog:*"


def repository_url(registry_url: str, repository: str) -> str:
    """`…/v2/<name>`, quoted where a name needs it: names come from outside."""
    name = repository if _PLAIN.fullmatch(repository) else _quoted(repository, "/")
    return f"{registry_url}/v2/{name}"


def manifest_url(registry_url: str, repository: str, reference: str) -> str:
    plain = reference if _PLAIN_REFERENCE.fullmatch(reference) else _quoted(reference, ":")
    return f"{repository_url(registry_url, repository)}/manifests/{plain}"


def blob_url(registry_url: str, repository: str, digest: str) -> str:
    return f"{repository_url(registry_url, repository)}/blobs/{_quoted(digest, ':')}"


def _quoted(text: str, safe: str) -> str:
    """Names come out of JSON, which may hold halves of surrogate pairs: such names are asked for, and are not there."""
    return quote(text, safe=safe, errors="surrogatepass")


def pull_scope(repository: str) -> str:
    return f"repository:{repository}:pull"


def push_scope(repository: str) -> str:
    return f"repository:{repository}:pull,push"
