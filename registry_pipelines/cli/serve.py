"""`serve`: the web service, until somebody stops it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry_pipelines.cli.invocation import invocation


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="PATH", help="File with the token that readers must show."),
    ] = None,
    unsafe_no_token: Annotated[
        bool, typer.Option("--unsafe-no-token", help="Listen on the network although everyone could read.")
    ] = False,
) -> None:
    """Serve reports, the monitoring check and metrics over HTTP, and take the events of registries.

    It only reads, but for `/events/NAME` of the entries of `events`.

    Beyond loopback it wants a token, by `--token-file` or `web.token` of the site's file. Stop it with Ctrl-C.
    """
    import logging  # and below: pandas, SQLAlchemy, Starlette
    import signal
    import sys

    from assets.taking.single_copies import take_single_copies
    from assets.taking.versions import take_versions
    from registry_pipelines.web.app import make_app
    from registry_pipelines.web.copies_page import copies_routes
    from registry_pipelines.web.desk import Desk
    from registry_pipelines.web.event_door import EventDoor
    from registry_pipelines.web.guard import refuse_open_door
    from registry_pipelines.web.kept_report import KeptReport
    from registry_pipelines.web.plan_pages import plan_routes
    from registry_pipelines.web.plan_reader import PlanReader
    from registry_pipelines.web.routes.events import event_routes
    from registry_pipelines.web.server import listen, make_server
    from registry_pipelines.web.standing import Reader
    from registry_pipelines.web.versions_page import versions_routes
    from resources.configuration.secrets import SecretName, read_secret
    from resources.connections import Connections

    loaded = invocation(context).site()
    token = SecretName(file=str(token_file.absolute())) if token_file else loaded.site.web.token
    refuse_open_door(host, has_token=token is not None, unsafe=unsafe_no_token)
    if token is not None:
        read_secret(token)  # what cannot be read is told now, not to the first reader
    doors = {name: EventDoor.of(name, loaded.site) for name in loaded.site.events}
    for secret in (secret for door in doors.values() for secret in door.settings.secrets):
        read_secret(secret)

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    # uvicorn ends gracefully and then raises the signal again: without this, SIGTERM would cut the end short.
    signal.signal(signal.SIGTERM, _end)
    with Connections(loaded) as connections:
        site, history = connections.site, connections.history
        desk = Desk(Reader(site, history).look)
        versions = KeptReport(site, history, lambda: take_versions(connections))
        copies = KeptReport(site, history, lambda: take_single_copies(connections))
        app = make_app(
            desk,
            more=[
                *versions_routes(versions),
                *copies_routes(copies),
                *plan_routes(PlanReader(history)),
                *event_routes(doors, lambda delivery: history.push_events.note(delivery)),
            ],
            read_token=None if token is None else lambda: read_secret(token),
        )
        listening = listen(host, port)
        print(f"serving {loaded.path} at {listening.url}", flush=True)
        make_server(app).run(sockets=[listening.socket])


def _end(number: int, frame: object) -> None:
    raise SystemExit(0)
