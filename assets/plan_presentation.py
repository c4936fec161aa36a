"""Plans of any kind in figures, for lists and sentences."""

from __future__ import annotations

from collections.abc import Mapping

from assets.presentation import amount, size
from resources.database.ledger_records import PlanRecord


def figures_text(figures: Mapping[str, int]) -> str:
    """Figures of a plan in words: `30 tags, 1.2 GB image, 3 repositories`."""
    return ", ".join(
        f"{size(number)} {_plain(name.removesuffix('_bytes'))}"
        if name.endswith("_bytes")
        else amount(number, _plain(name).removesuffix("s"), _plain(name))
        for name, number in figures.items()
    )


def counts_text(record: PlanRecord) -> str:
    """What a list says of the size of a plan."""
    counted, figures = record.words.count(record.counted), record.figures
    if record.kind == "eviction":
        return f"{counted}, {amount(figures['tags'], 'tag')}, {size(figures['image_bytes'])}"
    told = figures_text(figures)
    return f"{counted}, {told}" if told else counted


def agreement_text(record: PlanRecord) -> str:
    """What an approval of this plan agrees to, as a sentence without its full stop."""
    counted, figures = record.words.count(record.counted), record.figures
    if record.kind == "eviction":
        going = f"{counted} with {amount(figures['tags'], 'tag')} ({size(figures['image_bytes'])})"
        return f"{going} can go from {record.subject}; {figures['stored_images'] - record.counted:,} stay"
    told = figures_text(figures)
    return f"{record.subject}: {counted} {record.words.happens}" + (f" ({told})" if told else "")


def _plain(name: str) -> str:
    return name.replace("_", " ")
