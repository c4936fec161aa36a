"""The house keeps its storeys: imports run down only, and no room grows into a hall or a lumber room."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STOREYS = ("registry_core", "resources", "assets", "registry_pipelines")
LONGEST_FILE = 300
LUMBER_ROOMS = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def shipped_files() -> list[Path]:
    return [path for storey in STOREYS for path in sorted((ROOT / storey).rglob("*.py"))]


def lint_imports(*, config: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).parent / "lint-imports"
    if not command.exists():
        pytest.fail("lint-imports is not beside this interpreter: install the `test` extra (import-linter)")
    return subprocess.run(
        [str(command), "--config", str(config), "--no-cache"], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_every_import_contract_holds() -> None:
    answer = lint_imports(config=ROOT / "pyproject.toml", cwd=ROOT)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_broken_contract_would_be_seen(tmp_path: Path) -> None:
    for storey in STOREYS:
        (tmp_path / storey).mkdir()
        (tmp_path / storey / "__init__.py").touch()
    (tmp_path / "registry_core" / "upstairs.py").write_text("import resources\n")
    config = tmp_path / "contracts.ini"
    config.write_text(
        "[importlinter]\nroot_packages =\n    "
        + "\n    ".join(STOREYS)
        + "\n[importlinter:contract:1]\nname = imports run one way\ntype = layers\nlayers =\n    "
        + "\n    ".join(reversed(STOREYS))
        + "\n"
    )
    answer = lint_imports(config=config, cwd=tmp_path)
    assert answer.returncode != 0
    assert "imports run one way BROKEN" in answer.stdout


def test_the_contracts_are_named_for_the_wish() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(settings["root_packages"]) == set(STOREYS)
    names = {contract["name"] for contract in settings["contracts"]}
    assert {"imports run one way", "the core knows no framework and touches nothing"} <= names


def test_no_shipped_file_is_longer_than_a_reader_can_hold() -> None:
    files = shipped_files()
    assert len(files) > 10
    lengths = {path.relative_to(ROOT): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    too_long = {str(path): length for path, length in lengths.items() if length > LONGEST_FILE}
    assert not too_long, f"find the second room in {too_long}"


def test_every_file_is_named_for_what_it_is() -> None:
    rooms = {name for path in shipped_files() for name in (*path.relative_to(ROOT).parts[:-1], path.stem)}
    assert not rooms & LUMBER_ROOMS
    # "helper" as a last word is let through: docker's credential helpers are called that.
    last_words = {room: room.lower().rpartition("_")[2] for room in rooms}
    assert not {room for room, word in last_words.items() if word in LUMBER_ROOMS - {"helper", "helpers"}}
