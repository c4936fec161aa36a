"""What could not be read of one repository, and the gap that it leaves."""

from __future__ import annotations

from dataclasses import replace

from registry_core.catalog import ImageSeen
from registry_core.coverage import Fault, Gap
from registry_core.errors import RegistryError

_LONGEST_DETAIL = 300
_UNKNOWN: frozenset[Fault] = frozenset({"forbidden", "unreachable", "throttled"})


class Faults:
    """Counts what the registry did not answer; "missing" and "corrupt" are answers."""

    def __init__(self, repository: str) -> None:
        self._repository = repository
        self._first: RegistryError | None = None
        self._count = 0

    def note(self, error: RegistryError) -> None:
        if error.fault in _UNKNOWN:
            self._count += 1
            self._first = self._first or error

    @property
    def gap(self) -> Gap | None:
        """The first of them, and how many more there were; None where everything was answered."""
        if self._first is None:
            return None
        more = f" (and {self._count - 1} more like it)" if self._count > 1 else ""
        return Gap(self._repository, self._first.fault, cut(str(self._first)) + more)


def with_fault(seen: ImageSeen, error: RegistryError, *, of_config: bool) -> ImageSeen:
    """The image, with why its manifest or its config could not be read."""
    if of_config:
        return replace(seen, config_fault=error.fault, detail=cut(f"config: {error}"))
    return replace(seen, fault=error.fault, detail=cut(str(error)))


def cut(text: str) -> str:
    """A text short enough for a row."""
    return text if len(text) <= _LONGEST_DETAIL else text[: _LONGEST_DETAIL - 1] + "…"


def unlisted_gap(repository: str, error: RegistryError, *, named: bool) -> Gap | None:
    """What it means that a repository has no list of tags; `named`: only the configuration says that it is there."""
    if error.fault != "missing":
        return Gap(repository, error.fault, cut(str(error)))
    if named:
        why = f"{error}; it is named in `repositories`: correct or remove it"
        return Gap(repository, "missing", cut(why))
    return None  # distribution's catalog lists repositories that never had a tag: an answer
