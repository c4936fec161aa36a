"""Replication: a rule that copies again and again, approved once.

A migration plan names every image and is used once. A replication rule cannot: what it will copy is not pushed yet. So
a person approves the *rule*, by its fingerprint, and it stands until it is changed or rejected. That is enough because
of what a rule cannot do: it copies and never deletes; it moves no tag of the destination that is not of its own making,
unless the rule says so; and a rule that is changed in any way is another rule, which waits for a decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from registry_core.copy_rule import CopyRule
from registry_core.fingerprint import canonical_json, fingerprint
from registry_core.limits import Limits
from registry_core.plan_documents import read_plan_document
from registry_core.plan_words import PlanKind
from registry_core.plans import registry_touched

FORMAT = "registry-pipelines replication rule 1"

#: A rule stands on no evidence, so it does not age; each run checks the age of the evidence that it copies by.
_STANDS_SINCE = datetime(2000, 1, 1, tzinfo=UTC)
_STANDS_FOR = timedelta(days=365 * 200)


@dataclass(frozen=True)
class ReplicationRule:
    """A copy rule as it is put before a person. `revision` is raised to have a rejected one decided over again."""

    kind: ClassVar[PlanKind] = "replication"

    rule: CopyRule
    revision: int = 1

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON: what an approval names. The same rule has it for ever."""
        return fingerprint(self.to_json())

    @property
    def subject(self) -> str:
        """The name of the replication."""
        return self.rule.name

    @property
    def touches(self) -> tuple[str, ...]:
        """The registry that it writes to."""
        return registry_touched(self.rule.destination, self.rule.destination_url)

    @property
    def as_of(self) -> datetime:
        return _STANDS_SINCE

    @property
    def max_age(self) -> timedelta:
        return _STANDS_FOR

    @property
    def counted(self) -> int:
        return 1

    @property
    def entry_count(self) -> int:
        return 1

    @property
    def figures(self) -> Mapping[str, int]:
        return {}

    def second_person_needed(self, today: Limits | None = None) -> str | None:
        """No image is taken away, so one approver is enough. A rule that moves tags which others wrote (`overwrite`)
        says so in the row that is approved."""
        return None

    def rows(self) -> Iterator[Mapping[str, str]]:
        rule, what = self.rule, self.rule.selection.to_json()
        told = {key: value for key, value in what.items() if value and (key != "version_tags" or what["versions"])}
        chosen = "; ".join(f"{key.replace('_', ' ')}: {_text(value)}" for key, value in told.items())
        names = rule.rewriting.to_json()
        yield {
            "from": rule.source,
            "to": rule.destination,
            "what": chosen,
            "names": "; ".join(f"{key}: {_text(value)}" for key, value in names.items() if value) or "as they are",
            "a tag that points elsewhere": _CONFLICTS[rule.on_conflict],
        }

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "revision": self.revision, "entries": [self.rule.to_json()]}

    def to_bytes(self) -> bytes:
        """The canonical JSON, of which the fingerprint is the SHA-256."""
        return canonical_json(self.to_json())

    @classmethod
    def from_json(cls, value: object, *, expected: str | None = None) -> ReplicationRule:
        """Read a rule from its JSON. Raises as `read_plan_document`."""
        return read_plan_document(value, cls._of, known_format=FORMAT, expected=expected)

    @classmethod
    def _of(cls, read: Mapping[str, Any]) -> ReplicationRule:
        (rule,) = read["entries"]
        return cls(rule=CopyRule.from_json(rule), revision=read["revision"])


_CONFLICTS = {
    "refuse": "left, and the image is not copied; a tag that replication wrote follows its source",
    "overwrite": "moved, whoever wrote it",
    "keep": "left, and the image is copied without it",
}


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} → {one}" for key, one in value.items())
    if value is True:
        return "yes"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
