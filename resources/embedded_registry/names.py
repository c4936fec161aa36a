"""The grammar of repository names, tags and digests (OCI distribution specification, "Pulling manifests")."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from resources.embedded_registry.rejections import Rejection

if TYPE_CHECKING:
    from hashlib import _Hash

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")

#: Clients limit host, slash and name together to 255 characters (same section, implementers note).
LONGEST_REPOSITORY = 255


def check_repository(name: str) -> str:
    """The name itself; NAME_INVALID where the grammar does not allow it."""
    if len(name) > LONGEST_REPOSITORY or not _REPOSITORY.fullmatch(name):
        raise Rejection(
            "NAME_INVALID",
            f"{name[:80]!r} is no repository name: write lower case letters, digits and single separators"
            f" (. _ __ -) in segments divided by /, at most {LONGEST_REPOSITORY} characters",
            detail={"name": name[:LONGEST_REPOSITORY]},
        )
    return name


def is_tag(reference: str) -> bool:
    return _TAG.fullmatch(reference) is not None


def is_digest(reference: str) -> bool:
    """True for a digest of an algorithm that this registry can verify: sha256 or sha512."""
    return _DIGEST.fullmatch(reference) is not None


def check_digest(text: str) -> str:
    """The digest itself; DIGEST_INVALID where it is none, or of an algorithm that we cannot verify."""
    if not is_digest(text):
        raise Rejection(
            "DIGEST_INVALID",
            f"{text[:140]!r} is no digest that this registry knows: write sha256: or sha512: and lower case hex",
            detail={"digest": text[:140]},
        )
    return text


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    hashing: _Hash = hashlib.new(algorithm, content)
    return f"{algorithm}:{hashing.hexdigest()}"
