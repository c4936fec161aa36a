"""How commands begin and end: quickly, with one clear message, with an exit code that says why."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from registry_core.errors import ClusterError, ConfigError, PartialFailure, Refused, RegistryPipelinesError
from registry_pipelines.cli.main import app
from tests.registry_pipelines.cli.calling import call, start

HEAVY = ("dagster", "pandas", "kubernetes", "sqlalchemy", "numpy")


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch):
    """Make a command that raises what the test wants."""
    before = list(app.registered_commands)

    def make(error: BaseException) -> None:
        def command() -> None:
            raise error

        app.command("raise")(command)

    yield make
    app.registered_commands[:] = before


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("write it otherwise", subject="site.yaml"), 2),
        (Refused("a brake held"), 3),
        (PartialFailure("some of it"), 4),
        (ClusterError("no answer", fault="unreachable"), 5),
        (RegistryPipelinesError("what"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_ends_in_one_message_and_its_exit_code(raising, error: BaseException, code: int) -> None:
    raising(error)
    ended = call("raise")
    assert ended.code == code
    assert ended.out == ""
    assert ended.err == f"registry-pipelines: {str(error) or 'interrupted'}\n"


def test_the_unexpected_is_one_sentence_that_holds_nothing_secret(raising) -> None:
    raising(RuntimeError("hunter2"))
    ended = call("raise")
    assert ended.code == 1
    assert ended.err.count("\n") == 1
    assert "RuntimeError" in ended.err
    assert "Please report it" in ended.err
    assert "hunter2" not in ended.err


def test_debug_shows_where_an_error_came_from(raising) -> None:
    raising(Refused("a brake held"))
    ended = call("--debug", "raise")
    assert ended.code == 3
    assert "Traceback" in ended.err


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("ls",), ("ls", "a", "--nonsense"), ("ls", "a", "--json", "--csv")]
)
def test_a_wrong_command_line_ends_with_two(arguments: tuple[str, ...]) -> None:
    ended = call(*arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.err


def test_the_help_tells_the_exit_codes() -> None:
    ended = call("--help")
    assert ended.code == 0
    assert "  5    a cluster, a registry or the database did not give what was asked" in ended.out


def test_the_version_is_told() -> None:
    assert call("--version").out.startswith("registry-pipelines ")


def imported(arguments: list[str], tmp_path: Path) -> list[str]:
    """Heavy modules that a call has imported when it ends."""
    code = (
        f"import sys, atexit; atexit.register(lambda: print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr))"
    )
    process = start(*arguments, code=code)
    _, err = process.communicate(timeout=60)
    return eval(err.strip().splitlines()[-1])


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    assert imported(["--help"], tmp_path) == []


def test_init_imports_nothing_heavy(tmp_path: Path) -> None:
    assert imported(["init", str(tmp_path / "site.yaml")], tmp_path) == []


def test_ls_imports_nothing_heavy(tmp_path: Path, embedded_registry) -> None:
    assert imported(["ls", embedded_registry.url], tmp_path) == []


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    code = """
import registry_pipelines.cli.main as m
@m.app.command("much")
def much() -> None:
    from registry_pipelines.cli.output import line
    for n in range(200_000): line(f"line {n}")
"""
    process = start("much", code=code)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "line 0\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=30) == 0


def test_an_interrupt_ends_with_130() -> None:
    code = """
import registry_pipelines.cli.main as m, time, sys
@m.app.command("wait")
def wait() -> None:
    print("ready", flush=True)
    time.sleep(60)
"""
    process = start("wait", code=code)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "registry-pipelines: interrupted\n"
