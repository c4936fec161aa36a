"""`events` of a site's file: one way to prove who sends, a registry that is known, and never the secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from registry_core.errors import ConfigError
from registry_core.push_events import KINDS
from resources.configuration.event_settings import EventSettings
from resources.configuration.load import load_site
from resources.configuration.settings import Site


def load(folder: Path, entry: str) -> Site:
    path = folder / "registry_pipelines.yaml"
    path.write_text(f"registries:\n  harbor: {{url: https://harbor.example.com}}\nevents:\n  one: {entry}\n")
    return load_site(path).site


@pytest.mark.parametrize(
    "entry",
    [
        "{kind: harbor, registry: harbor, token: {env: SECRET}}",
        "{kind: azure, registry: harbor, token: {env: SECRET}, header: X-Token}",
        "{kind: github, registry: harbor, hmac: {file: secret}}",
        "{kind: ecr, registry: harbor, username: aws, password: {env: SECRET}}",
        "{kind: docker_hub, registry: harbor, path_token: {env: SECRET}}",
        "{kind: quay, registry: harbor, unsigned: true}",
    ],
)
def test_each_way_is_read_and_no_secret_is_fetched(tmp_path: Path, entry: str) -> None:
    found = load(tmp_path, entry).events["one"]
    assert len(found.secrets) == (0 if found.unsigned else 1)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{kind: harbor, registry: harbor}", "choose one way for the sender to prove itself"),
        ("{kind: harbor, registry: harbor, token: {env: A}, unsigned: true}", "choose one way"),
        (
            "{kind: harbor, registry: harbour, unsigned: true}",
            "no registry is called `harbour`; configured are: harbor",
        ),
        ("{kind: nexus, registry: harbor, unsigned: true}", "write 'harbor', 'docker_hub'"),
        ("{kind: ecr, registry: harbor, password: {env: A}}", "`username` and `password` go together"),
        ("{kind: github, registry: harbor, hmac: {env: A}, header: X-Other}", "`header` goes with `token`"),
        ("{kind: harbor, registry: harbor, token: {env: A}, header: 'a b'}", "does not have the form wanted"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(tmp_path: Path, entry: str, words: str) -> None:
    with pytest.raises(ConfigError) as told:
        load(tmp_path, entry)
    assert words in str(told.value)
    assert "events.one" in str(told.value)


def test_a_secret_that_is_written_out_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        load(tmp_path, "{kind: harbor, registry: harbor, token: hunter2}")
    assert "write where the secret is, never the secret" in str(told.value)
    assert "hunter2" not in str(told.value)


def test_every_entry_of_the_page_is_right() -> None:
    page = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    entries = [entry for block in blocks for entry in block.get("events", {}).values()]
    assert {EventSettings.model_validate(entry).kind for entry in entries} == set(KINDS)


def test_replications_whose_names_are_one_in_dagster_are_told(tmp_path: Path) -> None:
    path = tmp_path / "registry_pipelines.yaml"
    rules = "".join(
        f"  {name}: {{from: one, to: {to}, what: {{all: true}}}}\n"
        for name, to in (("second-copy", "two"), ("second_copy", "three"), ("third", "four"))
    )
    registries = "".join(f"  {name}: {{url: https://{name}.example.com}}\n" for name in ("one", "two", "three", "four"))
    path.write_text(f"registries:\n{registries}replications:\n{rules}")
    with pytest.raises(ConfigError, match="`second_copy` and `second-copy` differ only in") as told:
        load_site(path)
    assert "replications.second_copy" in str(told.value)
