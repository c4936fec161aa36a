"""Write the generated parts of the documentation: `python -m registry_pipelines.cli.document`.

Settings come from their field descriptions, commands from their help, capabilities from what vendors declare. A test
holds that all are up to date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from registry_pipelines.cli.main import app
from registry_pipelines.cli.site_file import value_text
from resources.configuration.base import written_fields
from resources.configuration.credential_settings import TlsSettings
from resources.configuration.secrets import SecretName
from resources.configuration.settings import Site
from resources.registry.providers.choice import PROVIDERS

DOCS = Path(__file__).parents[2] / "docs"

#: Headings of what stands in several places; all others are named by their place.
_HEADINGS: dict[type[BaseModel], str] = {TlsSettings: "`tls`", SecretName: "Names of secrets"}

_HELP_WIDTH = 100


def settings_tables() -> str:
    """All settings as Markdown tables."""
    return "\n\n".join("\n".join(_table(heading, model)) for model, heading in settings_models().items())


def settings_models() -> dict[type[BaseModel], str]:
    """Every kind of settings that the file may hold, with its heading: the whole file, then from its top down."""
    found: dict[type[BaseModel], str] = {Site: "The file"}
    _find_models(Site, "", found)
    return found


def command_help() -> str:
    """The help of the program and of each command, as they print it."""
    root: Any = typer.main.get_command(app)
    settings = {"terminal_width": _HELP_WIDTH, "help_option_names": ["-h", "--help"]}
    context = root.context_class(root, info_name="registry-pipelines", **settings)
    parts = [_block("registry-pipelines", root.get_help(context))]
    parts += _help_below(root, context, settings)
    return "\n\n".join(parts)


def _help_below(group: Any, context: Any, settings: dict[str, Any]) -> Iterator[str]:
    for name, command in group.commands.items():
        own = command.context_class(command, info_name=name, parent=context, **settings)
        yield _block(own.command_path, command.get_help(own))
        if hasattr(command, "commands"):
            yield from _help_below(command, own, settings)


def capability_table() -> str:
    """What each vendor can do: the verdicts as a table, then how, or why not."""
    columns = [name for name, _ in next(iter(PROVIDERS.values())).capabilities.rows()]
    lines = ["| vendor | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for provider in PROVIDERS.values():
        verdicts = (capability.verdict for _, capability in provider.capabilities.rows())
        lines.append(f"| {provider.title} | " + " | ".join(verdicts) + " |")
    for provider in PROVIDERS.values():
        lines += ["", f"### {provider.title}", "", f"`provider: {provider.name}`", ""]
        lines += [f"- {name}: **{one.verdict}**, {one.told}" for name, one in provider.capabilities.rows()]
    return "\n".join(lines)


GENERATED = {
    "configure.md": ("settings", settings_tables),
    "cli.md": ("commands", command_help),
    "registries.md": ("capabilities", capability_table),
}


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


def _find_models(model: type[BaseModel], place: str, found: dict[type[BaseModel], str]) -> None:
    for key, field in written_fields(model).items():
        for inner, where in _models_in(field.annotation, f"{place}{key}"):
            if inner not in found:
                found[inner] = _HEADINGS.get(inner, f"`{where}`")
                _find_models(inner, f"{where}.", found)


def _models_in(annotation: Any, place: str) -> Iterator[tuple[type[BaseModel], str]]:
    """Settings inside a type, with the place they have in the file: `clusters.<name>`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, place
    below = {dict: ".<name>", tuple: "[]", list: "[]"}.get(get_origin(annotation), "")
    for argument in get_args(annotation):
        yield from _models_in(argument, place + below)


def _table(heading: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"### {heading}"
    yield ""
    yield "| key | what it is | default | example |"
    yield "|---|---|---|---|"
    for key, field in written_fields(model).items():
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
