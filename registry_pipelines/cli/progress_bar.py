"""A bar on stderr for the work that the assets share with the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from registry_pipelines.cli.output import Advance, note, progress


class ProgressBar:
    """`assets.taking.progress.Progress` as the bar of `output.progress`; one bar after another."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._advance: Advance | None = None

    def begin(self, what: str, *, total: int | None = None) -> None:
        self._stack.close()
        self._advance = self._stack.enter_context(progress(what, total))

    def advance(self, count: int = 1, *, total: int | None = None) -> None:
        if self._advance is not None:
            self._advance(count, total=total)

    def note(self, message: str) -> None:
        note(message)


class QuietBar:
    """A bar without notes, for work whose rows are printed at its end."""

    def __init__(self, bar: ProgressBar) -> None:
        self.begin, self.advance = bar.begin, bar.advance

    def note(self, message: str) -> None: ...


@contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """Bars for the work inside the block; none is left on the screen after it."""
    with ExitStack() as stack:
        yield ProgressBar(stack)
