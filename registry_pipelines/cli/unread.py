"""What could not be read is told, and decides how a command ends: it is never "nothing there"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from registry_core.errors import RegistryError
from registry_pipelines.cli.output import note

if TYPE_CHECKING:
    from registry_pipelines.cli.listing import Listed
    from registry_pipelines.cli.repositories import Repositories

_MOST_TOLD = 10


class Unread:
    """Notes problems of a listing on stderr as they come.

    `missing` is an answer: a repository without tags, a tag that was removed meanwhile. It is told and ends
    nothing, unless a person `named` the repository.
    """

    def __init__(self, registry: str, repositories: Repositories, *, named: bool) -> None:
        self._registry = registry
        self._asked = len(repositories)
        self._gap = repositories.gap
        for told in repositories.notes:
            note(told)
        self._named = named
        self._told = 0
        self._worst: RegistryError | None = None
        self._unread = 0

    def noting(self, listed: Iterable[Listed]) -> Iterator[Listed]:
        """The same, with the problems noted on the way."""
        for one in listed:
            serious = False
            for problem in one.problems:
                if problem.fault != "missing" or (self._named and not one.tags):
                    serious = True
                    self._worst = self._worst or problem
                elif not one.tags:
                    continue  # registries keep the names of repositories whose last tag is gone
                self._tell(problem)
            self._unread += serious
            yield one

    def conclude(self) -> None:
        """Raises RegistryError when anything was not read."""
        if self._told > _MOST_TOLD:
            note(f"… and {self._told - _MOST_TOLD} more")
        if self._gap is not None:
            raise RegistryError(
                f"{self._gap.detail}; what is listed above may not be all there is",
                fault=self._gap.fault,
            )
        if self._worst is None:
            return
        if self._asked == 1:
            raise self._worst
        raise RegistryError(
            f"registry {self._registry}: {self._unread} of {self._asked} repositories could not be read whole, so"
            " this is not all there is; see above, and try again",
            fault=self._worst.fault,
            retryable=self._worst.retryable,
        )

    def _tell(self, problem: RegistryError) -> None:
        self._told += 1
        if self._told <= _MOST_TOLD and self._asked > 1:
            note(str(problem))
