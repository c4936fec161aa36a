"""`versions` on the sample company: what each form prints, what fits a terminal, how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from fcntl import ioctl
from html.parser import HTMLParser
from pathlib import Path

import pytest

from registry_core.deployed_versions_words import ROW_COLUMNS
from tests.company import Company, a_company
from tests.registry_pipelines.cli.calling import ROOT, Ended, call


def versions(company: Company, *arguments: str | Path) -> Ended:
    return call("--config", company.site_file, "versions", *arguments)


def test_the_table_shows_what_runs_where_and_what_deserves_a_look(surveyed_company: Company) -> None:
    ended = versions(surveyed_company)
    assert ended.code == 0
    table = {line.split()[0]: line for line in ended.lines if line and not line.startswith(" ")}
    assert table["repository"].split() == ["repository", "deserves", "a", "look"]
    assert any("1.4.1 (-2 minor)" in line and "1.5.0" in line for line in ended.lines)
    assert any("1.4.2 is a newer patch of 1.4.1, deployed in production" in line for line in ended.lines)
    assert any("registry.example.com:5443 is not configured" in line for line in ended.lines)
    assert "12 of 12 repositories are deployed" in ended.err


def test_json_holds_everything_of_each_repository(surveyed_company: Company) -> None:
    found = {one["repository"]: one for one in json.loads(versions(surveyed_company, "--json").out)}
    web = found["health/web"]
    assert [one["tag"] for one in web["newest"]] == ["1.5.0", "1.4.2", "1.4.1", "1.4.0", "1.3.1"]
    by_place = {one["place"]: one for one in web["deployed"]}
    assert (by_place["production"]["version"], by_place["production"]["behind"]) == ("1.4.1", 2)
    assert by_place["production"]["digest"].startswith("sha256:")
    assert by_place["production"]["pods"] == 3
    assert [look["kind"] for look in web["looks"]] == ["differs", "patch"]


def test_csv_has_a_row_for_each_version_of_each_place(surveyed_company: Company) -> None:
    rows = list(csv.DictReader(io.StringIO(versions(surveyed_company, "--csv").out)))
    assert tuple(rows[0]) == ROW_COLUMNS
    api = [(row["place"], row["version"], row["behind"]) for row in rows if row["repository"] == "health/api"]
    assert ("production", "2.2.0", "1") in api
    assert ("production", "build-1003", "") in api


def test_markdown_is_a_report_of_its_own(surveyed_company: Company) -> None:
    lines = versions(surveyed_company, "--markdown").lines
    assert lines[0] == "# Deployed and available versions"
    assert "| repository | production | staging | newest | deserves a look |" in lines
    assert all(line.count(" | ") == 4 for line in lines if line.startswith("| "))


def test_a_cluster_and_globs_and_drift_choose(surveyed_company: Company) -> None:
    def names(*arguments: str) -> list[str]:
        found = json.loads(versions(surveyed_company, "--json", *arguments).out)
        return sorted(one["repository"] for one in found)

    assert names("--repository", "health/*") == ["health/api", "health/web", "health/worker"]
    assert names("--repository", "health/*", "--drift") == ["health/api", "health/web"]
    assert "legacy/importer" in names("--cluster", "production")
    assert "legacy/importer" not in names("--cluster", "staging")
    assert names("--repository", "nothing/*") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cluster", "prodution"], "no cluster is called prodution; configured are: production, staging"),
        (["--repository", "web:1"], "holds ':'"),
        (["--json", "--markdown"], "choose one of"),
    ],
)
def test_a_mistake_on_the_command_line_is_told(surveyed_company: Company, arguments: list[str], words: str) -> None:
    ended = versions(surveyed_company, *arguments)
    assert ended.code == 2
    assert words in " ".join(ended.err.split())


def test_before_anything_was_read_it_says_what_to_do(company: Company) -> None:
    ended = versions(company)
    assert ended.code == 5
    assert "registry-pipelines inventory" in ended.err


def test_a_registry_that_was_never_crawled_is_told_and_never_as_up_to_date(company: Company) -> None:
    assert call("--config", company.site_file, "inventory").code == 0
    ended = versions(company, "--json")
    assert ended.code == 5
    assert "not read: registry.example.com was never crawled" in ended.err
    found = {one["repository"]: one for one in json.loads(ended.out)}
    assert found["health/web"]["behind"] is None
    assert [look["kind"] for look in found["health/web"]["looks"]][-1] == "unread"


class Outside(HTMLParser):
    """Everything that a page would load or lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.found += [str(named[name]) for name in ("src", "href", "action") if named.get(name)]


def test_the_page_stands_alone(surveyed_company: Company, tmp_path: Path) -> None:
    ended = versions(surveyed_company, "--html", tmp_path / "versions.html")
    assert ended.code == 0
    text = (tmp_path / "versions.html").read_text()
    outside = Outside()
    outside.feed(text)
    assert outside.found == ["data:,"]
    assert "1.4.2 is a newer patch of 1.4.1" in text


def test_a_page_that_cannot_be_written_is_told(surveyed_company: Company, tmp_path: Path) -> None:
    ended = versions(surveyed_company, "--html", tmp_path / "nowhere" / "versions.html")
    assert (ended.code, "cannot be written" in ended.err) == (2, True)


@pytest.fixture(scope="module")
def many_clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with a_company(tmp_path_factory.mktemp("many") / "company") as made:
        dumps = made.root / "clusters"
        made.configure(
            clusters={f"cluster-{number}-of-europe": {"dump": str(dumps / "staging")} for number in range(5)}
        )
        made.survey()
        yield made


@pytest.mark.parametrize("columns", [80, 60])
def test_it_fits_the_terminal_however_many_clusters_there_are(many_clusters: Company, columns: int) -> None:
    lines = on_a_terminal(many_clusters, columns)
    assert max(len(line) for line in lines) <= columns
    assert sum("cluster-4" in line for line in lines) > 5, "a line a cluster, its name folded where it is long"
    assert any("deserves a look" in line for line in lines)


def on_a_terminal(company: Company, columns: int) -> list[str]:
    """What it prints on a terminal of this width."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    command = [sys.executable, "-m", "registry_pipelines.cli", "--config", str(company.site_file), "versions"]
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": str(columns)}
    process = subprocess.Popen(command, cwd=ROOT, stdout=theirs, stderr=subprocess.DEVNULL, env=environment)
    os.close(theirs)
    output = b""
    while process.poll() is None or select.select([ours], [], [], 0.2)[0]:
        try:
            if select.select([ours], [], [], 0.2)[0]:
                output += os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait(30) == 0
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", output.decode()).replace("\r", "").splitlines()
