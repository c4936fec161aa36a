"""The section `migrations`, and the form of a rule that copies, which replication shares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from registry_core.copy_rule import USUAL_VERSION_TAGS, CopyRule, Selection
from registry_core.globs import compile_globs
from resources.configuration.base import Settings
from resources.configuration.rewriting_settings import RewritingSettings

Globs = tuple[str, ...]


class SelectionSettings(Settings):
    """What is copied: everything that any of these keys names, within `repositories`."""

    repositories: Annotated[Globs, Field(min_length=1)] = Field(
        ("**",), description="globs of repositories that are looked at at all", examples=[["team/**"]]
    )
    exclude: Globs = Field((), description="globs of repositories to leave out", examples=[["sandbox/**"]])
    all: bool = Field(False, description="every image that has a tag")
    in_use: tuple[str, ...] = Field(
        (), description="clusters: the images that they use, with or without a tag", examples=[["production"]]
    )
    rollbacks: int = Field(0, ge=0, le=1000, description="with `in_use`: so many images before each one in use")
    newest: int | None = Field(None, ge=1, description="so many of the newest images of each repository", examples=[5])
    tags: Globs = Field((), description="globs of tags", examples=[["v*", "stable"]])
    versions: tuple[str, ...] = Field(
        (),
        description="ranges of semantic versions, any of which: `>=1.4 <2`, `^1.4`, `~1.4.2`, `1.4`; pre-releases only"
        " where the range names one",
        examples=[[">=1.4 <2"]],
    )
    version_tags: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        USUAL_VERSION_TAGS, description="how versions are written as tags: text around `{semver}`"
    )

    @field_validator("versions", mode="before")
    @classmethod
    def _one_range(cls, written: object) -> object:
        return (written,) if isinstance(written, str) else written

    @field_validator("repositories", "exclude", "tags")
    @classmethod
    def _globs(cls, globs: Globs) -> Globs:
        compile_globs(globs)
        return globs

    @model_validator(mode="after")
    def _can_be_read(self) -> SelectionSettings:
        if not (self.all or self.in_use or self.newest or self.tags or self.versions):
            raise ValueError(
                "nothing would be copied: write `all: true`, or what is: `in_use`, `newest`, `tags` or `versions`"
            )
        if self.rollbacks and not self.in_use:
            raise ValueError("`rollbacks` are the images before those in use: write `in_use` as well, or leave it out")
        selection = self.selection()
        if self.versions:
            _ = selection.ranges
        if self.version_tags != USUAL_VERSION_TAGS:
            _ = selection.version_patterns
        return self

    def selection(self) -> Selection:
        """What is written, as the core knows it."""
        return Selection(**self.model_dump())


class CopyRuleSettings(Settings):
    """From where, to where, what, and under which names."""

    source: str = Field(alias="from", description="registry to copy from, by its name here", examples=["old"])
    to: str = Field(description="registry to copy to, by its name here", examples=["new"])
    what: SelectionSettings = Field(description="what is copied", examples=[{"in_use": ["production"], "rollbacks": 2}])
    names: RewritingSettings = Field(RewritingSettings(), description="names at the destination, where they differ")
    on_conflict: Literal["refuse", "overwrite", "keep"] = Field(
        "refuse",
        description="a tag of the destination that points to another image: leave the whole image out and say so,"
        " move the tag, or leave out that tag",
    )
    referrers: bool = Field(True, description="also what refers to an image")
    signatures: bool = Field(True, description="also cosign's tags of an image")
    foreign_layers: bool = Field(False, description="also fetch layers that lie elsewhere by their manifest")
    repair: bool = Field(
        False, description="also look for the blobs of images that are there, and send again what the registry lost"
    )

    def rule(self, name: str) -> CopyRule:
        """What is written, as the core knows it."""
        return CopyRule(
            name=name,
            source=self.source,
            destination=self.to,
            selection=self.what.selection(),
            rewriting=self.names.rewriting(),
            referrers=self.referrers,
            signatures=self.signatures,
            foreign_layers=self.foreign_layers,
            on_conflict=self.on_conflict,
            repair=self.repair,
        )


class MigrationSettings(CopyRuleSettings):
    """One migration. Nothing is copied before a person approved a plan of it."""

    verify: Literal["quick", "deep"] = Field(
        "quick",
        description="how it is read back afterwards: every manifest proven and every blob asked for its size, or every"
        " blob read and proven as well",
    )
