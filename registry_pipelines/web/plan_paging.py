"""What is asked of a page of a plan, and the cut of it that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Order = Literal["plan", "repository", "size", "tags", "outcome"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of a plan are looked at. `text` is searched in all that is shown of an entry."""

    text: str = ""
    order: Order = "plan"
    page: int = 1
    page_size: int = 100


def cut(positions: Sequence[int], wanted: Wanted) -> tuple[Sequence[int], int, int]:
    """(positions of the page, its number, pages in all); the last page where fewer were found."""
    pages = max(1, -(-len(positions) // wanted.page_size))
    page = min(max(1, wanted.page), pages)
    return positions[(page - 1) * wanted.page_size : page * wanted.page_size], page, pages
