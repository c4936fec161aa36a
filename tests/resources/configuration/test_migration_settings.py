"""Migrations in a site's file: what is read, and every mistake with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_core.copy_rule import CopyRule, Selection
from registry_core.rewriting import Rewriting
from tests.resources.configuration.test_load import loaded, problems

REGISTRIES = """
clusters:
  production: {dump: dumps/production}
registries:
  old: {url: "http://old.example.com"}
  new: {url: "http://new.example.com"}
  far: {url: "http://far.example.com"}
migrations:
"""


def told(folder: Path, text: str) -> dict[str, str]:
    """Sentence by place, without file and line."""
    return {one.place.rpartition(" ")[2]: one.message for one in problems(folder, REGISTRIES + text)}


def test_a_migration_is_read_as_the_core_knows_it(tmp_path: Path) -> None:
    site = loaded(
        tmp_path,
        REGISTRIES
        + """
  move:
    from: old
    to: new
    what: {repositories: ["team/**"], in_use: [production], rollbacks: 2, versions: ">=1.4 <2"}
    names: {prefix: {"team": "platform"}}
    on_conflict: keep
    verify: deep
""",
    ).site
    assert site.migrations["move"].rule("move") == CopyRule(
        name="move",
        source="old",
        destination="new",
        selection=Selection(repositories=("team/**",), in_use=("production",), rollbacks=2, versions=(">=1.4 <2",)),
        rewriting=Rewriting(prefixes={"team": "platform"}),
        on_conflict="keep",
    )
    assert site.migrations["move"].verify == "deep"


def test_unknown_registries_and_clusters_are_told_with_those_that_there_are(tmp_path: Path) -> None:
    assert told(tmp_path, "  move: {from: gone, to: new, what: {in_use: [staging]}}") == {
        "migrations.move.from": "no registry is called `gone`; configured are: old, new, far",
        "migrations.move.what.in_use.0": "no cluster is called `staging`; configured are: production",
    }


def test_a_migration_into_itself_is_told_also_under_another_name(tmp_path: Path) -> None:
    assert told(tmp_path, "  move: {from: old, to: old, what: {all: true}}") == {
        "migrations.move.to": "`old` is where it copies from; name another registry"
    }
    same = '  same: {url: "http://OLD.example.com:80", hosts: [alias.example.com]}\nmigrations:\n'
    text = REGISTRIES.replace("migrations:\n", same) + "  move: {from: old, to: same, what: {all: true}}"
    assert {one.place.rpartition(" ")[2]: one.message for one in problems(tmp_path, text)} == {
        "registries.same.url": "`http://OLD.example.com:80` is the registry `old` already; a registry has one entry, so"
        " drop one of the two",
        "migrations.move.to": "`old` and `same` are one registry (old.example.com); name another one",
    }


def test_a_circle_is_told_at_the_rule_that_closes_it(tmp_path: Path) -> None:
    circle = """
  one: {from: old, to: new, what: {all: true}}
  two: {from: new, to: far, what: {all: true}}
  three: {from: far, to: old, what: {all: true}}
"""
    (sentence,) = told(tmp_path, circle).values()
    assert sentence.startswith("it closes a circle: old → new → far → old")
    broken = circle.replace("to: old, what: {all: true}", 'to: old, what: {all: true, exclude: ["**"]}')
    assert loaded(tmp_path, REGISTRIES + broken).site.migrations


@pytest.mark.parametrize(
    ("what", "place", "sentence"),
    [
        ("{}", "what", "nothing would be copied"),
        ("{rollbacks: 2, all: true}", "what", "`rollbacks` are the images before those in use"),
        ('{versions: ">=2 <1"}', "what", "no version is in '>=2 <1'"),
        ("{versions: [latest]}", "what", "'latest' is no range of versions"),
        ('{tags: ["v[1]"]}', "what.tags", "holds '['"),
        ('{all: true, repositories: ["Team/***"]}', "what.repositories", "has three stars"),
        ('{all: true, version_tags: ["v1"]}', "what", "write `{semver}` once"),
        ("{newest: 0}", "what.newest", "write 1 or more"),
        ("{al: true}", "what.al", "did you mean `all`?"),
    ],
)
def test_what_cannot_be_a_selection_is_told(tmp_path: Path, what: str, place: str, sentence: str) -> None:
    found = told(tmp_path, f"  move: {{from: old, to: new, what: {what}}}")
    assert sentence in found[f"migrations.move.{place}"]


def test_names_that_two_share_are_told(tmp_path: Path) -> None:
    found = told(tmp_path, "  move: {from: old, to: new, what: {all: true}, names: {map: {a: c, b: c}}}")
    assert "`a`, `b` would all be called `c`" in found["migrations.move.names"]


def test_a_key_that_is_missing_is_called_as_it_is_written(tmp_path: Path) -> None:
    found = told(tmp_path, "  move: {form: old, to: new, what: {all: true}}")
    assert found["migrations.move.from"].startswith("`from` is missing")
    assert found["migrations.move.form"] == "`form` is not known here; did you mean `from`?"
