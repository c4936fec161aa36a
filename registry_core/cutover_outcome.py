"""What became of one workload of a cut-over plan, in words that are final or ask for another run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

CutoverWord = Literal["changed", "already changed", "spared", "put back", "refused by cluster", "failed"]
"""changed: patched, and its new pods are ready. already changed: it had the new images. spared: it is not as it was
when the plan was made. put back: its rollout failed, and it has its old images again. refused by cluster: we may not,
or it does not take the patch. failed: everything else."""

CUTOVER_WORDS: tuple[CutoverWord, ...] = get_args(CutoverWord)

_FINAL = frozenset({"changed", "already changed", "spared", "put back"})


@dataclass(frozen=True, slots=True)
class CutoverOutcome:
    """One word, and why where it is not `changed`."""

    word: CutoverWord
    why: str = ""

    @property
    def is_final(self) -> bool:
        """Whether another run of the plan leaves the workload alone."""
        return self.word in _FINAL
