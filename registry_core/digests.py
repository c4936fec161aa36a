"""Digests: the content addresses of a registry, and the tags that are named after one.

A digest is a plain `str` everywhere in this project (`sha256:<64 lower case hex>`); what it may look like is
decided here and nowhere else. Source: OCI image specification, "Descriptors"; go-digest v1.0.0 `digest.go`.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

#: Algorithms that container runtimes register, and the number of hex digits of each.
HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}

#: What a client may push under a tag named after a digest: cosign's signature, attestation and SBOM.
COSIGN_SUFFIXES = (".sig", ".att", ".sbom")

_DIGEST = re.compile("|".join(f"{name}:[a-f0-9]{{{length}}}" for name, length in HEX_LENGTHS.items()))
_ANY_ALGORITHM = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
_NAMED_AFTER_DIGEST = re.compile(r"(sha256)-([a-f0-9]{64})(\.sig|\.att|\.sbom)?")
_LONGEST_ENCODED_IN_TAG = 64


class SubjectOfTag(NamedTuple):
    """What a tag like `sha256-<hex>.sig` is about: the image's digest, and the suffix (empty for a fallback tag)."""

    digest: str
    suffix: str


def is_digest(text: str) -> bool:
    """Whether `text` is a digest that a runtime can check: sha256, sha384 or sha512 in lower case hex."""
    return _DIGEST.fullmatch(text) is not None


def is_content_address(text: str) -> bool:
    """Whether `text` has the form of a digest of any algorithm, ours to check or not.

    Wider than `is_digest`, and narrow enough to stand in a URL: descriptors of a manifest are read by it.
    """
    return _ANY_ALGORITHM.fullmatch(text) is not None


def shortened(digest: str) -> str:
    """The beginning of a digest, for a sentence: `sha256:0123456789ab…`."""
    return f"{digest[:19]}…"


def why_not_digest(text: str) -> str | None:
    """The rule that `text` breaks, in the words of the runtimes (go-digest); None for a good digest."""
    if is_digest(text):
        return None
    algorithm, colon, encoded = text.partition(":")
    if not (algorithm and colon and encoded):
        return "invalid checksum digest format"
    if algorithm not in HEX_LENGTHS:
        return "unsupported digest algorithm"
    if len(encoded) != HEX_LENGTHS[algorithm]:
        return "invalid checksum digest length"
    return "invalid checksum digest format"


def digest_of(body: bytes, algorithm: str = "sha256") -> str:
    """The digest of `body`. Raises ValueError for an algorithm that no runtime registers."""
    if algorithm not in HEX_LENGTHS:
        raise ValueError(f"cannot make a digest by {algorithm!r}: use one of {', '.join(HEX_LENGTHS)}")
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def verify(body: bytes, digest: str) -> bool:
    """Whether `body` is proven to be what `digest` names; False also for a digest that we cannot compute."""
    return is_digest(digest) and digest_of(body, digest.partition(":")[0]) == digest


def fallback_tag(digest: str) -> str:
    """The tag of the list of referrers where a registry has no referrers API: `sha256-<hex>`.

    The encoded part is cut at 64 characters, so that for sha512 the way back from tag to digest is lost.
    Source: OCI distribution specification 1.1.1, "Referrers Tag Schema".
    """
    algorithm, _, encoded = digest.partition(":")
    return f"{algorithm}-{encoded[:_LONGEST_ENCODED_IN_TAG]}"


def subject_of_tag(tag: str) -> SubjectOfTag | None:
    """The image that a tag is named after, for `sha256-<hex>` and cosign's `.sig`, `.att`, `.sbom`; else None.

    Only sha256: of a longer digest the tag holds a part, which names no image by itself. Compare
    `fallback_tag(digest)` with the tag instead.
    """
    match = _NAMED_AFTER_DIGEST.fullmatch(tag)
    return SubjectOfTag(f"{match[1]}:{match[2]}", match[3] or "") if match else None
