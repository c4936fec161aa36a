"""The documentation says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
import yaml
from pydantic import BaseModel, TypeAdapter

from registry_pipelines.cli.document import DOCS, GENERATED, settings_models, with_generated
from registry_pipelines.cli.main import EXIT_CODES, app
from resources.configuration.credential_settings import Credentials
from resources.configuration.load import load_site


@pytest.mark.parametrize("page", GENERATED)
def test_generated_parts_are_up_to_date(page: str) -> None:
    name, make = GENERATED[page]
    text = (DOCS / page).read_text(encoding="utf-8")
    assert text == with_generated(text, name, make()), "run `python -m registry_pipelines.cli.document`"


def test_every_command_is_on_the_page() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    for name in typer.main.get_command(app).commands:
        assert f"## `registry-pipelines {name}`" in text


def test_every_exit_code_is_on_the_page() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    codes = re.findall(r"^  (\d+) ", EXIT_CODES, re.MULTILINE)
    assert codes == re.findall(r"^\| (\d+) \|", text, re.MULTILINE)


@pytest.mark.parametrize("model", settings_models(), ids=lambda model: model.__name__)
def test_every_setting_is_described_and_its_example_is_right(model: type[BaseModel]) -> None:
    for key, field in model.model_fields.items():
        assert field.description, key
        for example in field.examples or ():
            TypeAdapter(field.rebuild_annotation()).validate_python(example)


def yaml_blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (DOCS / "configure.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_whole_site_of_the_page_loads(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(yaml_blocks()[0])
    site = load_site(path).site
    assert site.registry_of_host("docker.io") == "hub"


@pytest.mark.parametrize("number", range(1, 6))
def test_every_source_of_secrets_on_the_page_is_right(number: int) -> None:
    Credentials.model_validate(yaml.safe_load(yaml_blocks()[number])["credentials"])


def test_the_rewritten_names_of_the_page_lead_to_their_originals(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(yaml_blocks()[6])
    directory = load_site(path).site.directory
    assert directory.original("localhost:7439", "registry.example.com/app").registry == "main"
    assert [home.host for home in directory.homes("harbor.example.com", "proxy-hub/library/redis")] == [
        "harbor.example.com",
        "docker.io",
    ]


def test_the_problems_shown_on_the_page_are_the_real_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("registry_pipelines.yaml").write_text(
        "clusters:\n  prod:\n    context: prod\n    pagesize: 5\nregistries:\n  harbor:\n    url: ftp://harbor\n"
        "    credentials:\n      password: hunter2\n      username: me\n"
    )
    with pytest.raises(Exception, match="3 problems") as caught:
        load_site()
    assert str(caught.value) in (DOCS / "configure.md").read_text(encoding="utf-8")
