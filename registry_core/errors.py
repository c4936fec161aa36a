"""The errors a person acts on, and nothing else.

Every message says what we wanted, what happened and what to do next, and names the place: file and key,
cluster, registry, redacted URL. Messages never hold a secret. `exit_code` is what the command line ends with;
`retryable` is what the orchestrator asks before it tries again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from registry_core.coverage import Fault


class RegistryPipelinesError(Exception):
    """Root of everything this project raises on purpose. Not raised itself: that would be a defect."""

    exit_code: ClassVar[int] = 70
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file: where, what, and what to do about it."""

    place: str  #: file with line where known, then the path of keys: `site.yaml:12 registries.0.url`
    message: str  #: what is wrong and what to write instead, one sentence

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ConfigError(RegistryPipelinesError):
    """What a person wrote cannot be used. Carries all problems of the file at once; never retried."""

    exit_code = 2

    def __init__(self, problems: Problem | str | list[Problem], *, subject: str = "the configuration") -> None:
        if isinstance(problems, str):
            problems = [Problem(place=subject, message=problems)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems: tuple[Problem, ...] = tuple(problems)
        lines = [str(problem) for problem in self.problems]
        if len(lines) > 1:
            lines = [f"{len(lines)} problems in {subject}:", *(f"  {line}" for line in lines)]
        super().__init__("\n".join(lines))


class InvalidReference(RegistryPipelinesError, ValueError):
    """A text that no container runtime would accept as an image reference."""

    exit_code = 2


class SourceError(RegistryPipelinesError):
    """An outside system did not give what was asked.

    `fault` is one of the five words of a finding, so that whoever catches this can write an honest row
    instead of a gap.
    """

    exit_code = 5

    def __init__(self, message: str, *, fault: Fault, retryable: bool = False) -> None:
        super().__init__(message)
        self.fault: Fault = fault
        self.retryable = retryable


class ClusterError(SourceError):
    """A cluster (or the dump that stands for it) could not be read."""


class RegistryError(SourceError):
    """A registry refused, failed or answered nonsense.

    `status` is the HTTP status (None where no answer came), `codes` are the registry's own error codes
    (`MANIFEST_UNKNOWN`, …; OCI distribution specification, "Error Codes"). `lacks` are digests of what it says that it
    does not have.
    """

    def __init__(
        self,
        message: str,
        *,
        fault: Fault,
        retryable: bool = False,
        status: int | None = None,
        codes: tuple[str, ...] = (),
        lacks: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, fault=fault, retryable=retryable)
        self.status = status
        self.codes = codes
        self.lacks = lacks


class DeletionDisabled(RegistryError):
    """The registry answers 405 to a deletion: nothing can be deleted there until its setting is changed."""


class DatabaseError(SourceError):
    """The project's own database could not be reached, is busy, or is of another version."""


class NotificationError(SourceError):
    """A message could not be delivered to one of those who are to be told."""


class IncompleteSnapshot(RegistryPipelinesError):
    """A snapshot lacks something that was asked for, so nothing may be concluded from what is not in it."""

    exit_code = 5


class Refused(RegistryPipelinesError):
    """A brake held and nothing was done. Never retried: a person must look."""

    exit_code = 3


class UnknownPlan(Refused):
    """What a person wrote names no plan, several, or one of another kind."""

    exit_code = 2


class PlanStale(Refused):
    """The evidence, the plan or its approval is older than the limits allow."""


class ApprovalMissing(Refused):
    """No valid, unused approval stands for this fingerprint."""


class WrongCode(ApprovalMissing):
    """A one-time code was wrong; it is counted, because codes can be guessed."""


class LimitExceeded(Refused):
    """A limit of the configuration would be broken; the message names it."""


class PartialFailure(RegistryPipelinesError):
    """Some of it was done and some not; the journal says which."""

    exit_code = 4
