"""`init`: write the site's file from what is set up on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from registry_core.errors import ConfigError
from registry_core.registry_identity import is_docker_hub, is_loopback
from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import note


def init(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(help="File to write. Default: as --config says.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a commented registry_pipelines.yaml from your kubeconfig and docker config.

    It has the contexts of the kubeconfig and the hosts of the docker config; nothing is contacted and no secret
    is read.
    """
    from registry_pipelines.cli.site_file import site_text  # pydantic, yaml
    from registry_pipelines.cli.surroundings import find_contexts, find_registries, guess_environment, names_for

    target = (path or invocation(context).site_file).absolute()
    contexts, hosts = find_contexts(), find_registries()
    clusters = {
        name: {"context": found, "environment": guess_environment(name)}
        for name, found in names_for(contexts.names).items()
    }
    registries = {host: _registry(host, _from_home(hosts.place)) for host in hosts.names}
    notes = [found.trouble for found in (contexts, hosts) if found.trouble]
    _write(target, site_text(clusters, registries, notes), force=force)
    for trouble in notes:
        note(f"note: {trouble}")
    note(f"wrote {target} with {len(clusters)} clusters and {len(registries)} registries")
    note("next: look through it, then run `registry-pipelines doctor`")


def _registry(host: str, docker_config: str) -> dict[str, Any]:
    address = "registry-1.docker.io" if is_docker_hub(host) else host
    return {
        "url": f"{'http' if is_loopback(host) else 'https'}://{address}",
        "credentials": {"docker_config": docker_config},
    }


def _from_home(path: str) -> str:
    """The path as the same file wherever the site's file lies: from `~`, else absolute."""
    absolute = Path(path).expanduser().absolute()
    return f"~/{absolute.relative_to(Path.home())}" if absolute.is_relative_to(Path.home()) else str(absolute)


def _write(target: Path, text: str, *, force: bool) -> None:
    try:
        # O_EXCL: never over a file that another process wrote meanwhile.
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
        with os.fdopen(os.open(target, flags, 0o644), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError("the file is there already; look at it, or write over it with --force",
                          subject=str(target)) from None  # fmt: skip
    except OSError as error:
        raise ConfigError(f"the file cannot be written: {error.strerror}", subject=str(target)) from None
