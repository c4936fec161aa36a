"""How commands begin and end: quickly, with one clear message, with an exit code that says why."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from registry_core.errors import ClusterError, ConfigError, PartialFailure, Refused, RegistryPipelinesError, UnknownPlan
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
        (UnknownPlan("there is no such plan"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_ends_in_one_message_and_its_exit_code(raising, error: BaseException, code: int) -> None:
    raising(error)
    ended = call("raise")
    assert ended.code == code
    assert ended.out == ""
    assert ended.err == f"registry-pipelines: {str(error) or 'interrupted'}\n"


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("hunter2"),
        KeyError("hunter2"),
        EOFError("hunter2"),
        MemoryError(),
        RecursionError(),
        OSError(5, "hunter2"),
    ],
)
def test_a_defect_of_ours_ends_with_70_and_asks_to_report_it(raising, error: Exception) -> None:
    raising(error)
    ended = call("raise")
    assert ended.code == 70
    assert ended.err.count("\n") == 1
    assert type(error).__name__ in ended.err
    assert "Please report it" in ended.err
    assert "hunter2" not in ended.err


def test_the_sentence_names_the_place_in_our_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    site = tmp_path / "registry_pipelines.yaml"
    site.write_text("registries: {main: {url: 'http://127.0.0.1:9'}}\n")
    monkeypatch.setattr("resources.configuration.load.read_document", None)
    ended = call("--config", site, "plan", "list")
    assert ended.code == 70
    assert "(TypeError at resources/configuration/load.py:" in ended.err


def test_a_traceback_for_a_report_holds_nothing_secret(raising) -> None:
    wrapped = RuntimeError("hunter2")
    wrapped.__cause__ = ValueError("invalid literal for int() with base 10: 'hunter3'")
    raising(wrapped)
    ended = call("--debug", "raise")
    assert ended.code == 70
    assert ended.err.count("Traceback") == 2
    assert "ValueError" in ended.err
    assert "hunter" not in ended.err


def test_every_error_of_ours_has_an_exit_code_of_the_page() -> None:
    """1 is for findings, and no error: a script that asks for findings must not take a failure for them."""

    def below(kind: type[RegistryPipelinesError]) -> list[type[RegistryPipelinesError]]:
        return [one for sub in kind.__subclasses__() for one in (sub, *below(sub))]

    codes = {kind.exit_code for kind in below(RegistryPipelinesError)}
    assert codes == {2, 3, 4, 5}
    assert RegistryPipelinesError.exit_code == 70


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
