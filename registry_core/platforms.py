"""Platforms: what an image was built for, what a node is, and whether the one runs on the other.

Source: containerd/platforms `database.go` (`normalizeArch`, `normalizeOS`) and `compare.go` (`platformVector`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PART = re.compile(r"[A-Za-z0-9_.-]+")
_ARCHITECTURES = {
    "i386": "386",
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm",
}
_DEFAULT_VARIANTS = frozenset({("amd64", "v1"), ("arm64", "8"), ("arm64", "v8")})
_VARIANT_BY_NAME = {"armhf": "v7", "armel": "v6"}
_VARIANT_OF_ARM = {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"}
_NUMBERED = re.compile(r"v?([0-9]{1,3})")
_ARM64_VERSION = re.compile(r"v([89])(?:\.([0-9]))?")


@dataclass(frozen=True, slots=True)
class Platform:
    """Operating system, architecture and variant, as written in an index, a config, or a node's status.

    The version of Windows is not part of it, so that `serves` is too generous between Windows versions.
    """

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read `linux/amd64` or `linux/arm64/v8`, keeping what is written. Raises ValueError."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(_PART.fullmatch(part) for part in parts):
            raise ValueError(f"{text!r} is not a platform: write it like linux/amd64 or linux/arm/v7")
        return cls(*parts)

    @property
    def known(self) -> bool:
        """False for `unknown/unknown`, which is how an index marks an attestation."""
        return self.os not in ("", "unknown") and self.architecture not in ("", "unknown")

    def normalized(self) -> Platform:
        """The one spelling of equal platforms: `linux/aarch64` and `linux/arm64/v8` are `linux/arm64`."""
        os = self.os.lower()
        architecture, variant = self.architecture.lower(), self.variant.lower()
        canonical = _ARCHITECTURES.get(architecture, architecture)
        if architecture == "i386" or (canonical, variant) in _DEFAULT_VARIANTS:
            variant = ""
        elif canonical == "arm":
            variant = _VARIANT_BY_NAME.get(architecture) or _VARIANT_OF_ARM.get(variant, variant)
        return Platform("darwin" if os == "macos" else os, canonical, variant)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def serves(manifest: Platform | str, node: Platform | str) -> bool:
    """Whether a node can run a manifest of that platform: the same, or an older one that its processor keeps.

    arm64 runs arm/v8 to v5, arm/v7 runs v6 and v5, amd64 runs 386. Kubernetes does not tell the variant of a
    node, so `linux/amd64/v3` is not served by any node though some could run it. A platform that is unknown,
    or a text that is none, serves nothing. Texts are read by `Platform.parse`.
    """
    wanted, offered = _read(manifest), _read(node)
    if wanted is None or offered is None:
        return False
    return wanted.normalized() in _runs(offered)


def _read(platform: Platform | str) -> Platform | None:
    if isinstance(platform, str):
        try:
            platform = Platform.parse(platform)
        except ValueError:
            return None
    return platform if platform.known else None


@lru_cache(maxsize=256)
def _runs(node: Platform) -> frozenset[Platform]:
    """Every normalized platform that runs on `node`."""
    node = node.normalized()
    pairs = [(node.architecture, node.variant), *_older(node.architecture, node.variant)]
    return frozenset(Platform(node.os, architecture, variant).normalized() for architecture, variant in pairs)


def _older(architecture: str, variant: str) -> list[tuple[str, str]]:
    numbered = _NUMBERED.fullmatch(variant)
    version = int(numbered[1]) if numbered else 0
    if architecture == "amd64":
        return [*(("amd64", f"v{older}") for older in range(version - 1, 0, -1)), ("386", "")]
    if architecture == "arm":
        return [("arm", f"v{older}") for older in range(version - 1, 4, -1)]
    if architecture == "arm64":
        return _older_arm64(variant or "v8")
    return []


def _older_arm64(variant: str) -> list[tuple[str, str]]:
    """v9.x keeps v9.0 to v9.x-1 and v8.0 to v8.{x+5}; every arm64 keeps 32-bit arm down to v5."""
    pairs: list[tuple[str, str]] = []
    match = _ARM64_VERSION.fullmatch(variant)
    if match:
        minor = int(match[2] or 0)
        if match[1] == "9":
            pairs += [("arm64", f"v9.{older}" if older else "v9") for older in range(minor)]
            pairs.append(("arm64", f"v8.{minor + 5}"))
            minor += 5
        pairs += [("arm64", f"v8.{older}" if older else "v8") for older in range(minor)]
    thirty_two_bit = "v8" if variant.startswith(("v8.", "v9.")) else variant
    return [*pairs, ("arm", thirty_two_bit), *_older("arm", thirty_two_bit)]
