"""Forms: what a person, a sensor or a schedule fills in for a job.

Every field of a `dagster.Config` may be given as `{env: NAME}`, and Dagster then puts that variable of the process in
its place. A form is filled in by people, so that its fields are plain: Dagster refuses anything else before the run is
created, whatever coordinator is configured.
"""

from __future__ import annotations

from typing import Any, Self

import dagster as dg
from dagster._config.config_type import Array, ConfigType, Noneable
from dagster._config.source import BoolSourceType, IntSourceType, StringSourceType


class Form(dg.Config):
    """Base of forms. An op takes `config_schema=TheForm.plain_schema()` and reads `TheForm.filled_in(context)`.

    Trap: an op with a parameter `config: TheForm` would have fields that can be read from the environment.
    """

    @classmethod
    def plain_schema(cls) -> dict[str, Any]:
        """The fields as Dagster's config, with plain scalars. Raises TypeError for a type not known as plain."""
        return {
            name: dg.Field(
                _plain(field.config_type),
                is_required=field.is_required,
                description=field.description,
                **({"default_value": field.default_value} if field.default_provided else {}),
            )
            for name, field in cls.to_fields_dict().items()
        }

    @classmethod
    def filled_in(cls, context: dg.OpExecutionContext) -> Self:
        """The form as this run has it."""
        return cls(**context.op_config)


def _plain(given: ConfigType) -> Any:
    if isinstance(given, StringSourceType):
        return dg.String
    if isinstance(given, BoolSourceType):
        return dg.Bool
    if isinstance(given, IntSourceType):
        return dg.Int
    if isinstance(given, Noneable):
        return Noneable(_plain(given.inner_type))
    if isinstance(given, Array):
        return Array(_plain(given.inner_type))
    if type(given).__name__ == "Enum":  # of a `typing.Literal`
        return given
    raise TypeError(f"{given.key} is no plain field of a form; use text, numbers, lists of them, or a Literal")
