"""Write the generated parts of the documentation: `python -m registry_pipelines.cli.document`.

Settings come from their field descriptions, commands from their help. A test holds that both are up to date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from registry_pipelines.cli.main import app
from registry_pipelines.cli.site_file import value_text
from resources.configuration.secrets import SecretName
from resources.configuration.settings import (
    ClusterSettings,
    Credentials,
    CustomResource,
    DatabaseSettings,
    Limits,
    RegistrySettings,
    Schedules,
    Site,
    TlsSettings,
)

DOCS = Path(__file__).parents[2] / "docs"

#: Heading of each table, and the settings that it lists.
_TABLES: dict[str, type[BaseModel]] = {
    "The file": Site,
    "`clusters.<name>`": ClusterSettings,
    "`clusters.<name>.custom_resources[]`": CustomResource,
    "`registries.<name>`": RegistrySettings,
    "`registries.<name>.credentials`": Credentials,
    "`tls`": TlsSettings,
    "Names of secrets": SecretName,
    "`database`": DatabaseSettings,
    "`limits`": Limits,
    "`schedules`": Schedules,
}

_HELP_WIDTH = 100


def settings_tables() -> str:
    """All settings as Markdown tables."""
    return "\n\n".join("\n".join(_table(heading, model)) for heading, model in _TABLES.items())


def command_help() -> str:
    """The help of the program and of each command, as they print it."""
    root: Any = typer.main.get_command(app)
    settings = {"terminal_width": _HELP_WIDTH, "help_option_names": ["-h", "--help"]}
    context = root.context_class(root, info_name="registry-pipelines", **settings)
    parts = [_block("registry-pipelines", root.get_help(context))]
    for name, command in root.commands.items():
        own = command.context_class(command, info_name=name, parent=context, **settings)
        parts.append(_block(f"registry-pipelines {name}", command.get_help(own)))
    return "\n\n".join(parts)


GENERATED = {"configure.md": ("settings", settings_tables), "cli.md": ("commands", command_help)}


def with_generated(text: str, name: str, content: str) -> str:
    """A page with the part between its markers replaced."""
    begin, end = f"<!-- generated: {name} -->", "<!-- end of generated -->"
    pattern = re.compile(rf"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the page has no part between {begin!r} and {end!r}")
    return pattern.sub(lambda _: f"{begin}\n\n{content}\n\n{end}", text, count=1)


def main() -> None:
    """Write all generated parts."""
    for page, (name, make) in GENERATED.items():
        path = DOCS / page
        path.write_text(with_generated(path.read_text(encoding="utf-8"), name, make()), encoding="utf-8")


def _table(heading: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"### {heading}"
    yield ""
    yield "| key | what it is | default | example |"
    yield "|---|---|---|---|"
    for key, field in model.model_fields.items():
        cells = (f"`{key}`", field.description or "", _default(field), _example(field))
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}) or isinstance(value, BaseModel):
        return ""
    return f"`{value_text(value)}`"


def _example(field: FieldInfo) -> str:
    return f"`{value_text(field.examples[0])}`" if field.examples else ""


def _block(title: str, text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.rstrip().splitlines())
    return f"## `{title}`\n\n```text\n{lines}\n```"


if __name__ == "__main__":
    main()
