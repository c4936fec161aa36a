"""A defect of ours on the command line: a sentence that asks to report it, and a traceback that may be shown to others.

Messages of foreign exceptions may quote what they choked on, which may be a secret. They are left out, but for the
types whose messages name only code.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path

from registry_core.errors import RegistryPipelinesError

#: EX_SOFTWARE of sysexits.h.
EXIT_CODE = 70

_ROOT = Path(__file__).parents[2]
_NAMES_ONLY_CODE = (AttributeError, ImportError, NameError, NotImplementedError, RecursionError, TypeError)


def defect_sentence(error: BaseException) -> str:
    """What to report, and how to show more of it."""
    return (
        f"this is a defect of registry-pipelines ({type(error).__name__}{_place(error)}). Please report it, with what"
        " `registry-pipelines --debug …` prints"
    )


def shown_traceback(error: BaseException) -> str:
    """The frames of an error and of those that caused it."""
    parts = []
    for one in reversed(list(_chain(error))):
        named = type(one).__qualname__
        said = str(one) if isinstance(one, (RegistryPipelinesError, *_NAMES_ONLY_CODE)) else "(its message is left out)"
        parts.append("Traceback (most recent call last):\n" + "".join(traceback.format_tb(one.__traceback__)))
        parts[-1] += f"{named}: {said}\n"
    return "\nThis led to:\n\n".join(parts)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        hidden = following.__suppress_context__ and following.__cause__ is None
        following = None if hidden else following.__cause__ or following.__context__


def _place(error: BaseException) -> str:
    """File and line of the innermost frame that is ours; empty where there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(_ROOT) and "site-packages" not in file.relative_to(_ROOT).parts:
            return f" at {file.relative_to(_ROOT)}:{frame.lineno}"
    return ""
