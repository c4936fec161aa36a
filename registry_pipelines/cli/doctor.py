"""`doctor`: try everything that the jobs will do, and say what to do about what does not work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from registry_pipelines.cli.diagnosis import COLUMNS, Diagnosis, failures
from registry_pipelines.cli.invocation import invocation
from registry_pipelines.cli.output import CsvOption, JsonOption, form_of, note, progress, show

if TYPE_CHECKING:
    from resources.configuration.load import LoadedSite


def doctor(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Do not read the image references of the clusters.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Try every cluster and registry, and say what works and what to do.

    Does what the jobs will do: lists each kind of object, signs in, reads tags and a manifest. Nothing is changed;
    whether deletion is enabled is told as far as it can be known without trying. Exit code 5 when something fails.
    """
    form = form_of(as_json, as_csv)
    loaded = invocation(context).site()
    found: list[Diagnosis] = []
    with progress("trying", 3 + len(loaded.site.clusters) + len(loaded.site.registries)) as advance:
        subjects: set[str] = set()
        for diagnosis in _everything(loaded, quick=quick):
            found.append(diagnosis)
            if diagnosis.subject not in subjects:
                subjects.add(diagnosis.subject)
                advance()
    show((one.row() for one in found), COLUMNS, form)
    failed = failures(found)
    if failed:
        note(f"{failed} of {len(found)} do not work")
        raise typer.Exit(5)
    note("all that is required works")


def _everything(loaded: LoadedSite, *, quick: bool) -> Iterator[Diagnosis]:
    # Kubernetes, SQLAlchemy and pycurl together take a second to import.
    from registry_pipelines.cli.doctor_clusters import diagnose_clusters, unknown_hosts
    from registry_pipelines.cli.doctor_dagster import diagnose_dagster
    from registry_pipelines.cli.doctor_database import diagnose_database
    from registry_pipelines.cli.doctor_registries import diagnose_registries

    yield Diagnosis("configuration", "read", "ok", str(loaded.path))
    yield from diagnose_database(loaded)
    yield from diagnose_dagster(loaded)
    hosts: dict[str, set[str]] | None = None if quick else {}
    yield from diagnose_clusters(loaded, hosts)
    yield from diagnose_registries(loaded)
    if hosts is not None:
        yield from unknown_hosts(loaded.site, hosts)
