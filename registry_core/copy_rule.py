"""A rule that copies: from one registry to another, under which names, and what. Migrations and replications are made
of it.

Any reason to take an image wins: what a selection lists beside one another is added up, within its `repositories`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from registry_core.copying import ConflictRule, CopyChoice
from registry_core.errors import Refused
from registry_core.globs import Matcher, compile_globs
from registry_core.registry_identity import url_origin
from registry_core.rewriting import Rewriting

if TYPE_CHECKING:
    from registry_core.version_ranges import VersionRange
    from registry_core.versions import VersionPattern

USUAL_VERSION_TAGS = ("{semver}", "v{semver}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is taken, of the repositories that `repositories` match and `exclude` does not.

    What is taken as a whole image (`all`, `in_use`, `rollbacks`, `newest`) goes with all its tags; `tags` and
    `versions` take the tags that match.
    """

    repositories: tuple[str, ...] = ("**",)
    exclude: tuple[str, ...] = ()
    all: bool = False  #: every image that has a tag
    in_use: tuple[str, ...] = ()  #: clusters: what these use, tagged or not
    rollbacks: int = 0  #: and so many images before each one in use
    newest: int | None = None  #: images of each repository
    tags: tuple[str, ...] = ()  #: globs
    versions: tuple[str, ...] = ()  #: ranges, any of which
    version_tags: tuple[str, ...] = USUAL_VERSION_TAGS  #: how versions are written as tags

    @property
    def needs_inventories(self) -> bool:
        return bool(self.in_use)

    @property
    def ranges(self) -> tuple[VersionRange, ...]:
        """Raises ValueError, naming it, for one that is no range."""
        from registry_core.version_ranges import VersionRange  # pandas, which a reader of rules need not wait for

        return tuple(VersionRange(written) for written in self.versions)

    @property
    def version_patterns(self) -> tuple[VersionPattern, ...]:
        from registry_core.versions import VersionPattern  # pandas

        return tuple(VersionPattern(written) for written in self.version_tags)

    def scope(self) -> Scope:
        return Scope(compile_globs(self.repositories), compile_globs(self.exclude))

    def to_json(self) -> dict[str, Any]:
        return {
            "repositories": list(self.repositories),
            "exclude": list(self.exclude),
            "all": self.all,
            "in_use": list(self.in_use),
            "rollbacks": self.rollbacks,
            "newest": self.newest,
            "tags": list(self.tags),
            "versions": list(self.versions),
            "version_tags": list(self.version_tags),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Selection:
        lists = {
            key: tuple(value[key]) for key in ("repositories", "exclude", "in_use", "tags", "versions", "version_tags")
        }
        return cls(all=value["all"], rollbacks=value["rollbacks"], newest=value["newest"], **lists)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which repositories a rule speaks of."""

    included: Matcher
    excluded: Matcher

    def __contains__(self, repository: str) -> bool:
        return self.included.matches(repository) and not self.excluded.matches(repository)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyRule:
    """One rule. `source` and `destination` are registries by their names in the configuration."""

    name: str
    source: str
    destination: str
    selection: Selection = field(default_factory=Selection)
    rewriting: Rewriting = field(default_factory=Rewriting)
    referrers: bool = True
    signatures: bool = True
    foreign_layers: bool = False
    on_conflict: ConflictRule = "refuse"
    repair: bool = False
    source_url: str = ""  #: where the names stood for when the rule was written down: `https://registry.example.com`
    destination_url: str = ""

    def located(self, source_url: str, destination_url: str) -> CopyRule:
        """The rule with the addresses that its names stand for, so that what is approved says where it reads and
        writes: a name whose address changed is another registry."""
        return replace(self, source_url=url_origin(source_url), destination_url=url_origin(destination_url))

    @property
    def choice(self) -> CopyChoice:
        """What goes with each image, for the copy engine."""
        return CopyChoice(
            referrers=self.referrers,
            signatures=self.signatures,
            foreign_layers=self.foreign_layers,
            on_conflict=self.on_conflict,
            repair=self.repair,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "from": self.source,
            "to": self.destination,
            "what": self.selection.to_json(),
            "names": self.rewriting.to_json(),
            "referrers": self.referrers,
            "signatures": self.signatures,
            "foreign_layers": self.foreign_layers,
            "on_conflict": self.on_conflict,
            "repair": self.repair,
            "from_url": self.source_url,
            "to_url": self.destination_url,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CopyRule:
        return cls(
            name=value["name"],
            source=value["from"],
            destination=value["to"],
            selection=Selection.from_json(value["what"]),
            rewriting=Rewriting.from_json(value["names"]),
            referrers=value["referrers"],
            signatures=value["signatures"],
            foreign_layers=value["foreign_layers"],
            on_conflict=value["on_conflict"],
            repair=value["repair"],
            source_url=value["from_url"],
            destination_url=value["to_url"],
        )


def target_names(rule: CopyRule, repositories: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The name of each repository at the destination, and a sentence for each that can have none: its name would be
    no name, or two would share one."""
    wanted = sorted(set(repositories))
    faults: dict[str, str] = {}
    for collision in rule.rewriting.collisions(wanted):
        faults.update(dict.fromkeys(collision.sources, f"{collision}; correct `names` of {rule.name}"))
    names: dict[str, str] = {}
    for repository in wanted:
        if repository not in faults:
            try:
                names[repository] = rule.rewriting.rewrite(repository)
            except Refused as error:
                faults[repository] = str(error)
    return names, faults
