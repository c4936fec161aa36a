"""What all settings have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def written_fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of some settings by the keys that a person writes (`from` cannot be a name in Python)."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


Environment = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
"""What a cluster or a namespace is for: `production`, `staging`, or a word of the site's own."""


def _without_range(name: str) -> str:
    if "..." in name:
        raise ValueError(f"`...` cannot be in a name: Dagster reads it as a range of partitions; rename `{name}`")
    return name


#: Names are keys of partitions (`dagster._core.definitions.partitions`, `INVALID_PARTITION_SUBSTRINGS`).
_PARTITION_KEY = AfterValidator(_without_range)

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), _PARTITION_KEY]
"""What a person calls a cluster, a migration and the like."""

RegistryName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:_-]*$"), _PARTITION_KEY]
"""What a person calls a registry: its host will do."""
