"""The text of a commented `registry_pipelines.yaml`, made from the descriptions of the settings."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from registry_core.policy_spans import print_span
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.settings import ClusterSettings, Site

Entries = Mapping[str, Mapping[str, Any]]

_WIDTH = 100
_HEAD = """\
# The site of registry_pipelines: which clusters and registries there are.
# Check it with `registry-pipelines doctor`. All keys are described in docs/configure.md.
# Secrets are never written here, only where they are: {env: NAME} or {file: PATH}.
"""


def site_text(clusters: Entries, registries: Entries, notes: Sequence[str] = ()) -> str:
    """A file that loads without a problem: the given entries, and every other key as a comment.

    `notes` are put at the top: what could not be found.
    """
    lines = [_HEAD.rstrip(), *(f"# Note: {note}" for note in notes)]
    sections: dict[str, tuple[Entries, type[BaseModel], Entries]] = {
        "clusters": (clusters, ClusterSettings, {"production": {"context": "production"}}),
        "registries": (registries, RegistrySettings, {"registry.example.com": {"url": "https://registry.example.com"}}),
    }
    for name, field in Site.model_fields.items():
        if name in sections:
            lines += _section(name, *sections[name])
        elif isinstance(field.default, BaseModel):
            lines += _settings(name, type(field.default))
        else:
            lines += ["", *_described(name, field)]
    return "\n".join(lines) + "\n"


def value_text(value: Any) -> str:
    """A value as it is written in the file, on one line."""
    if isinstance(value, timedelta):
        return print_span(value)
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_none=True)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {value_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(value_text(item) for item in value) + "]"
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9._/-]*", value) and yaml.safe_load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def example_of(field: FieldInfo) -> Any:
    """A value that shows how the key is written: its example, else its default."""
    return field.examples[0] if field.examples else field.get_default(call_default_factory=True)


def _section(name: str, entries: Entries, model: type[BaseModel], example: Entries) -> Iterator[str]:
    yield ""
    yield f"# {Site.model_fields[name].description}"
    yield f"{name}:"
    commented = not entries
    for position, (entry, given) in enumerate((entries or example).items()):
        mark = "# " if commented else ""
        yield f"  {mark}{value_text(entry)}:"
        for key, value in given.items():
            yield f"    {mark}{key}: {value_text(value)}"
        if position == 0:
            rest = {key: field for key, field in model.model_fields.items() if key not in given}
            yield "    # More keys of an entry, with an example or their default:"
            for key, field in rest.items():
                yield from _described(key, field, indent="    ")


def _settings(name: str, model: type[BaseModel]) -> Iterator[str]:
    yield ""
    yield f"# {Site.model_fields[name].description}"
    yield f"{name}:"
    for key, field in model.model_fields.items():
        yield from _described(key, field, indent="  ")


def _described(key: str, field: FieldInfo, *, indent: str = "") -> Iterator[str]:
    """A key as a comment, its description on the same line where both are short, else above."""
    written = f"{indent}# {key}: {value_text(example_of(field))}"
    description = field.description or ""
    if len(written) + len(description) + 4 <= _WIDTH:
        yield f"{written}  # {description}"
        return
    yield from textwrap.wrap(description, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
    yield written
