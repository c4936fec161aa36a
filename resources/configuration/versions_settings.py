"""The section `versions`: what is compared, and which repositories are one product."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from resources.configuration.base import Environment, Settings

_EVERYTHING = ("**",)
_USUAL_PATTERNS = ("{semver}", "v{semver}")

Place = Annotated[str, Field(pattern=r"^[^/\s@]+/\S*$")]


class VersionsSettings(Settings):
    """Deployed against available versions."""

    prefixes: tuple[str, ...] = Field(
        (), description="look only at products whose name begins so; default: all", examples=[["health/"]]
    )
    allow: tuple[str, ...] = Field(_EVERYTHING, description="globs of products to look at")
    block: tuple[str, ...] = Field((), description="globs of products to leave out", examples=[["sandbox/**"]])
    products: dict[Place, str] = Field(
        {},
        description="one product in several registries: `registry/folder/` or `registry/repository`, by host or"
        " configured name, and what stands for it in the product's name; the longest that fits decides",
        examples=[{"ghcr.io/acme/": "", "harbor.example.com/": ""}],
    )
    patterns: tuple[str, ...] = Field(
        _USUAL_PATTERNS,
        description="how versions are written as tags: text around `{semver}`; the first that fits decides",
        min_length=1,
        examples=[["{semver}", "release-{semver}"]],
    )
    newest: int = Field(5, ge=1, le=50, description="newest available versions to show")
    prereleases: bool = Field(False, description="pre-releases count as available versions")
    compare: tuple[Environment, ...] = Field(
        ("staging", "production"), description="environments that should run the same"
    )

    @field_validator("allow", "block")
    @classmethod
    def _globs(cls, globs: tuple[str, ...]) -> tuple[str, ...]:
        if globs not in ((), _EVERYTHING):
            from registry_core.globs import compile_globs  # pandas, which most calls of the command line do without

            compile_globs(globs)
        return globs

    @field_validator("patterns")
    @classmethod
    def _patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        if patterns != _USUAL_PATTERNS:
            from registry_core.versions import VersionPattern  # pandas

            for pattern in patterns:
                VersionPattern(pattern)
        return patterns
