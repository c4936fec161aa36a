"""Spans of time in the configuration, by the rules of `registry_core.policy_spans`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator

from registry_core.policy_spans import parse_span


def _read(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else parse_span(value)


Span = Annotated[timedelta, BeforeValidator(_read)]
"""`90s`, `15m`, `2h`, `30d`, `4w`."""
