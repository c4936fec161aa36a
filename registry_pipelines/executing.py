"""What every job that carries out a plan shares: its form, and that the outcome is told however the run ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pydantic import Field

from registry_core.errors import RegistryPipelinesError
from registry_pipelines.forms import Form


class ExecutionForm(Form):
    """Which plan; what it holds and who approved it is read where it is kept."""

    plan: str = Field(description="fingerprint of an approved plan")


@contextmanager
def outcome_told(tell: Callable[[], None]) -> Iterator[None]:
    """Tell the outcome at the end, also of a plan that was not finished: then what ended it is raised, whatever else
    goes wrong."""
    try:
        yield
    except BaseException:
        with suppress(RegistryPipelinesError):  # what went wrong first is what a person must read
            tell()
        raise
    tell()
