"""`registry-pipelines`: the commands, and how each of them ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from registry_core.errors import RegistryPipelinesError
from registry_pipelines.cli import (
    catalog,
    check,
    collect,
    copy,
    count,
    cutover,
    doctor,
    events,
    images,
    init,
    inventory,
    journal,
    ls,
    migration,
    notify,
    plan,
    quickstart,
    replication,
    restore,
    serve,
    single_copies,
    usage,
    versions,
)
from registry_pipelines.cli.defect import EXIT_CODE, defect_sentence, shown_traceback
from registry_pipelines.cli.invocation import Invocation

EXIT_CODES = """\b
Exit codes:
  0    done, and nothing wrong was found
  1    findings are errors
  2    the configuration or the command line is wrong
  3    refused: a brake held, nothing was done
  4    some of it was done and some not; the journal says which
  5    a cluster, a registry or the database did not give what was asked
  70   a defect of registry-pipelines; please report it
  130  interrupted
"""


class Commands(TyperGroup):
    """Turns what a command raises into one message and an exit code."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        with _ending("--debug" in args):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        with _ending(bool(ctx.params.get("debug"))):
            return super().invoke(ctx)


@contextmanager
def _ending(debug: bool) -> Iterator[None]:
    try:
        yield
    except RegistryPipelinesError as error:
        _tell(error, str(error), debug)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        print("registry-pipelines: interrupted", file=sys.stderr)
        raise typer.Exit(130) from None
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`). Python must not flush into it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except (typer.Exit, typer.Abort, SystemExit):
        raise
    except Exception as error:
        if hasattr(error, "exit_code"):  # a mistake on the command line: told by typer, with the usage
            raise
        _tell(error, defect_sentence(error), debug)
        raise typer.Exit(EXIT_CODE) from error


def _tell(error: Exception, message: str, debug: bool) -> None:
    if debug:
        print(shown_traceback(error), file=sys.stderr)
    print(f"registry-pipelines: {message}", file=sys.stderr)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(asked: bool) -> None:
    if asked:
        try:
            print(f"registry-pipelines {version('registry-pipelines')}")
        except PackageNotFoundError:
            print("registry-pipelines, not installed")
        raise typer.Exit


@app.callback()
def registry_pipelines(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="PATH",
            help="The site's file. Default: REGISTRY_PIPELINES_CONFIG, else registry_pipelines.yaml here.",
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Know what your clusters use and what your registries hold."""
    context.obj = Invocation(config=config, debug=debug)


# In the order of a first day. A new command is one line here and one file beside this one.
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.command("quickstart")(quickstart.quickstart)
app.command("inventory")(inventory.inventory)
app.command("catalog")(catalog.catalog)
app.command("check")(check.check)
app.command("usage")(usage.usage)
app.command("versions")(versions.versions)
app.command("single-copies")(single_copies.single_copies)
app.command("images")(images.images)
app.command("count")(count.count)
app.command("ls")(ls.ls)
app.command("copy")(copy.copy)
app.add_typer(plan.app, name="plan")
app.add_typer(cutover.app, name="cutover")
app.command("journal")(journal.journal)
app.command("collect")(collect.collect)
app.command("restore")(restore.restore)
app.add_typer(migration.app, name="migration")
app.add_typer(replication.app, name="replication")
app.add_typer(notify.app, name="notify")
app.command("serve")(serve.serve)
app.command("events")(events.events)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script. Always ends in SystemExit."""
    app(args=None if arguments is None else list(arguments), prog_name="registry-pipelines")
