"""What all settings have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Base of all settings: unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


Environment = Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
"""What a cluster or a namespace is for: `production`, `staging`, or a word of the site's own."""
