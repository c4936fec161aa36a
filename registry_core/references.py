"""Image references: what a person writes, and what every runtime makes of it.

`nginx` means `docker.io/library/nginx:latest`, and each reader must agree on that or one image becomes two.
Source: distribution/reference `normalize.go` (`ParseNormalizedNamed`, `ParseAnyReference`, `TagNameOnly`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from registry_core.digests import is_digest
from registry_core.errors import InvalidReference
from registry_core.reference_grammar import broken, is_host, read_written

DOCKER_HUB = "docker.io"
DEFAULT_TAG = "latest"

_DOCKER_HUB_LEGACY = "index.docker.io"
_OFFICIAL = "library/"
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_DIGEST_LIKE = re.compile(r"(sha256|sha384|sha512):[^/]*|[A-Za-z][A-Za-z0-9+._-]*:[A-Fa-f0-9]{32,}", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NAME_LIKE = re.compile(r"[A-Za-z0-9_./:@-]+")
_REMEMBERED = 1 << 14


@dataclass(frozen=True, slots=True)
class Reference:
    """A name of an image with Docker Hub's defaults filled in, but no default tag.

    Make one with `Reference.parse`, or from parts that are known to be good: the constructor checks nothing.
    `registry` keeps the case and the port as written (`GHCR.io`, `localhost:5000`); it is empty for the one
    odd text whose first part looks like a host to Docker and has an underscore (`my_host.io/app`).
    """

    registry: str
    repository: str  #: without the host: `library/nginx`
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference as docker, containerd and the kubelet do. Raises InvalidReference.

        Trap: `sha256:<hex>` is read as tag `<hex>` of `docker.io/library/sha256`, as the runtimes read it; where
        a bare digest may stand (the status of a pod), use `parse_any`.
        """
        return _parse(text)

    @property
    def name(self) -> str:
        """Registry and repository: `docker.io/library/nginx`."""
        return f"{self.registry}/{self.repository}" if self.registry else self.repository

    @property
    def familiar(self) -> str:
        """The short form that people write, Docker Hub's defaults left out: `nginx:1.25`.

        For people only: `docker.io/my.team/app` becomes `my.team/app`, which reads as another registry.
        """
        if self.registry != DOCKER_HUB:
            return str(self)
        short = self.repository.removeprefix(_OFFICIAL)
        return self._with_name(self.repository if "/" in short else short)

    def with_default_tag(self) -> Reference:
        """The same with the tag `latest` where neither tag nor digest was written."""
        if self.tag is None and self.digest is None:
            return replace(self, tag=DEFAULT_TAG)
        return self

    def __str__(self) -> str:
        return self._with_name(self.name)

    def _with_name(self, name: str) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return f"{name}{tag}{digest}"


@dataclass(frozen=True, slots=True)
class BareDigest:
    """A text that names an image by its digest alone, in no repository."""

    digest: str

    def __str__(self) -> str:
        return self.digest


def parse_any(text: str) -> Reference | BareDigest:
    """Read a reference, a digest, or 64 hexadecimal characters (a sha256 digest). Raises InvalidReference."""
    if _IDENTIFIER.fullmatch(text):
        return BareDigest(f"sha256:{text}")
    if is_digest(text):
        return BareDigest(text)
    return Reference.parse(text)


def tag_named(text: str) -> str | None:
    """The tag that a reference means, `latest` where it has neither tag nor digest; None for one by digest, and for a
    text that is no reference."""
    try:
        return Reference.parse(text).with_default_tag().tag
    except InvalidReference:
        return None


def host_of(text: str) -> str | None:
    """The registry that a text most likely means, valid reference or not; None where nobody can tell.

    For a finding about `registry.example.com/Shop/Frontend:2026.03` this is `registry.example.com`. A text
    without a host is Docker Hub's, as for the runtimes; a placeholder (`$(IMAGE)`) is nobody's.
    """
    plain = _SCHEME.sub("", text.strip(), count=1)
    first, slash, _ = plain.partition("/")
    if slash and "@" in first:
        first = first.rpartition("@")[2]
    if slash and _means_host(first):
        if first == _DOCKER_HUB_LEGACY:
            return DOCKER_HUB
        return first if is_host(first.replace("_", "-")) else None
    return DOCKER_HUB if _NAME_LIKE.fullmatch(plain) else None


class StatusImage(NamedTuple):
    """What a pod's `imageID` tells: `host/repository`, and the digest of an index, a manifest or a config."""

    repository: str | None
    digest: str | None


def split_status_image_id(image_id: str) -> StatusImage:
    """Take `containerStatuses[].imageID` apart; whatever a runtime wrote there, this never raises.

    Docker: `docker-pullable://repository@digest`, or `docker://digest` (of the config) for an image that was
    built on the node. containerd: `repository@digest`, or a bare digest. CRI-O: the same, or 64 hexadecimal
    characters without an algorithm. Empty before the first start. A bare digest is often that of the *config*,
    and `repository` may be another one than was asked for: match both against manifests and configs. What is written
    like a digest and is none (`docker://sha256:<12 characters>`) names no repository `sha256` either.
    """
    plain = _SCHEME.sub("", image_id.strip(), count=1)
    name, _, digest = plain.partition("@")
    if _DIGEST_LIKE.fullmatch(name):
        bare = (digest or name).lower()
        return StatusImage(None, bare if is_digest(bare) else None)
    try:
        read = parse_any(plain)
    except InvalidReference:
        return StatusImage(None, None)
    if isinstance(read, BareDigest):
        return StatusImage(None, read.digest)
    return StatusImage(read.name, read.digest)


@lru_cache(maxsize=_REMEMBERED)
def _parse(text: str) -> Reference:
    if _IDENTIFIER.fullmatch(text):
        rule = f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
        raise broken(text, rule, "write `@sha256:` before it and the repository before that")
    host, remainder = _split_host(text)
    remote = remainder.partition(":")[0]
    if remote.lower() != remote:
        rule = f"invalid reference format: repository name ({remote}) must be lowercase"
        raise broken(text, rule, "write the repository in lower case")
    written = read_written(f"{host}/{remainder}", shown=text)
    return Reference(written.host, written.path, written.tag, written.digest)


def _split_host(text: str) -> tuple[str, str]:
    """Host and the rest, with Docker Hub's defaults (`splitDockerDomain`)."""
    first, slash, rest = text.partition("/")
    if not slash:
        return DOCKER_HUB, _OFFICIAL + text
    if first == _DOCKER_HUB_LEGACY:
        host, remainder = DOCKER_HUB, rest
    elif _means_host(first):
        host, remainder = first, rest
    else:
        host, remainder = DOCKER_HUB, text
    if host == DOCKER_HUB and "/" not in remainder:
        remainder = _OFFICIAL + remainder
    return host, remainder


def _means_host(first: str) -> bool:
    """Whether the part before the first `/` is a host: an upper case namespace cannot be, so it is one too."""
    return "." in first or ":" in first or first == "localhost" or first.lower() != first
