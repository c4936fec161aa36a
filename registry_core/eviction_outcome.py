"""What became of one entry of a plan: five words, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

OutcomeWord = Literal["deleted", "already gone", "spared", "refused by registry", "failed"]
"""deleted: read back as gone. already gone: it was not there when we came. spared: a reason to keep it was found.
refused by registry: it answered no; the code follows. failed: nobody knows how to go on; it is still there, or that
could not be asked."""

OUTCOME_WORDS: tuple[OutcomeWord, ...] = get_args(OutcomeWord)

_WITHOUT_WHY = ("deleted", "already gone")
_FOR_NOW = "for now, as "


@dataclass(frozen=True, slots=True)
class EntryOutcome:
    """The outcome of one entry. As text: `deleted`, `already gone`, `spared: <why>`, `refused by registry: <code>`,
    `failed: <why>`. `spared: for now, as <why>` is open: what was found may be otherwise at another look."""

    word: OutcomeWord
    why: str = ""

    @classmethod
    def spared(cls, why: str, *, for_now: bool = False) -> EntryOutcome:
        return cls("spared", _FOR_NOW + why if for_now else why)

    def for_good(self) -> EntryOutcome:
        return EntryOutcome(self.word, self.why.removeprefix(_FOR_NOW))

    def __str__(self) -> str:
        return self.word if self.word in _WITHOUT_WHY else f"{self.word}: {self.why}"

    @property
    def is_final(self) -> bool:
        """Whether a second start of the plan leaves this entry alone."""
        return self.word in ("deleted", "already gone") or (self.word == "spared" and not self.is_for_now)

    @property
    def is_for_now(self) -> bool:
        return self.word == "spared" and self.why.startswith(_FOR_NOW)


DELETED = EntryOutcome("deleted")
ALREADY_GONE = EntryOutcome("already gone")
