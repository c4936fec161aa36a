"""`notify`: try whether those who are to be told can be told, and see what they would hear."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import CsvOption, JsonOption, form_of, show

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Notifications: try the addresses, see what is to be told.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_TEST_COLUMNS = ("audience", "about", "environments", "result")
_PENDING_COLUMNS = ("audience", "subject", "title", "message")


@app.command("test")
def try_addresses(context: typer.Context, as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """Send one message to every address under `notifications`, and say which took it.

    Exit code 5 when one did not, 2 when none is configured or a secret is not there.
    """
    form = form_of(as_json, as_csv)

    from registry_core.errors import ConfigError, NotificationError  # and below: Apprise, which takes a moment
    from registry_core.notices import Message
    from resources.notify.audiences import open_audiences

    loaded = invocation(context).site()
    audiences, troubles = open_audiences(loaded.site.notifications)
    if not audiences and not troubles:
        raise ConfigError("names nobody; write who is to be told, see docs/notifications.md", subject="notifications")
    now = datetime.now(UTC)
    message = Message(
        subject="test",
        title="registry_pipelines can reach you",
        body=f"A test, sent at {now:%Y-%m-%d %H:%M} UTC by `registry-pipelines notify test`. Nothing happened.",
        gravity="info",
        link=loaded.site.web.address,
    )
    rows, failed = [], []
    for audience in audiences:
        result = "told"
        try:
            audience.tell(message)
        except (NotificationError, ConfigError) as error:
            result = str(error)
            failed.append(error)
        rows.append(
            {
                "audience": audience.key,
                "about": ", ".join(audience.about),
                "environments": ", ".join(audience.environments) or "all",
                "result": result,
            }
        )
    show(rows, _TEST_COLUMNS, form, empty="nobody could be tried")
    if troubles:
        raise ConfigError([problem for trouble in troubles for problem in trouble.problems], subject="notifications")
    if failed:
        raise NotificationError(
            f"{len(failed)} of {len(audiences)} could not be told, see above", fault="unreachable", retryable=True
        )


@app.command("pending")
def pending(context: typer.Context, as_json: JsonOption = False, as_csv: CsvOption = False) -> None:
    """Show what each audience would be told now. Nothing is sent, and nothing counts as told."""
    form = form_of(as_json, as_csv)

    from assets.telling import pending_messages  # pandas, Dagster, Apprise
    from registry_pipelines.notifications import link_of_plan
    from resources.connections import Connections

    with Connections(invocation(context).site()) as connections:
        site = connections.site
        found = pending_messages(connections, datetime.now(UTC), lambda record: link_of_plan(record, site))
    rows = [
        {"audience": audience, "subject": message.subject, "title": message.title, "message": message.text}
        for audience, message in found
    ]
    show(rows, _PENDING_COLUMNS, form, empty="nothing new")
