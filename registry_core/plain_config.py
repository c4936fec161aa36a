"""What the config of a run may hold: plain text and numbers of its form, and nothing else.

Dagster replaces `{env: NAME}` in a value by that variable of the process, so a "reason" could print a secret; config of
a resource or an executor could choose another configuration file, another folder or another pod.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from registry_core.errors import Refused

#: Sections of a run config that a person fills in: the form, and how much is logged.
_FILLED_IN = ("ops", "loggers")


def refuse_what_is_not_plain(run_config: Mapping[str, Any]) -> None:
    """Raises Refused that names the place of the first thing that is not plain."""
    for section, value in run_config.items():
        if section not in _FILLED_IN and value not in ({}, None):
            raise Refused(
                f"the run config holds `{section}`, and only `ops` may be filled in: what a run talks to, and how it is"
                " executed, is decided by the configuration file; remove the section and launch again"
            )
    for place in _read_from_the_environment(run_config, ""):
        raise Refused(
            f"`{place}` of the run config is read from the environment, and a run config holds plain text and numbers"
            " only, because a run shows them in its log; write out what you mean"
        )


def _read_from_the_environment(value: Any, place: str) -> Iterator[str]:
    """Places of the values that Dagster would replace by an environment variable: mappings with the key `env`."""
    if isinstance(value, Mapping):
        if "env" in value:
            yield place or "env"
        for key, inner in value.items():
            yield from _read_from_the_environment(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, (list, tuple)):
        for number, inner in enumerate(value):
            yield from _read_from_the_environment(inner, f"{place}[{number}]")
