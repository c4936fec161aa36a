"""`single-copies` on the sample company: what each form prints, and how it ends."""

from __future__ import annotations

import csv
import io
import json

from registry_core.single_copies_words import ROW_COLUMNS
from tests.company import REGISTRY, Company
from tests.registry_pipelines.cli.calling import Ended, call


def single_copies(company: Company, *arguments: str) -> Ended:
    return call("--config", company.site_file, "single-copies", *arguments)


def test_the_table_shows_the_worst_first_and_who_uses_it(surveyed_company: Company) -> None:
    ended = single_copies(surveyed_company)
    assert ended.code == 0, ended.err
    assert ended.lines[0].split() == ["image", "copies", "environments", "used", "by", "pods"]
    assert "in no registry" in ended.lines[1]
    assert any(f"only in {REGISTRY}" in line for line in ended.lines)
    assert "images in use:" in ended.err


def test_json_and_csv_hold_everything_of_each_image(surveyed_company: Company) -> None:
    documents = json.loads(single_copies(surveyed_company, "--json").out)
    assert all(tuple(document) == ROW_COLUMNS for document in documents)
    rows = list(csv.DictReader(io.StringIO(single_copies(surveyed_company, "--csv").out)))
    assert [row["image"] for row in rows] == [document["image"] for document in documents]
    assert rows[0]["workloads"] == ", ".join(documents[0]["workloads"])


def test_a_cluster_chooses_and_a_wrong_one_is_told(surveyed_company: Company) -> None:
    found = json.loads(single_copies(surveyed_company, "--cluster", "staging", "--json").out)
    assert found
    assert all("staging" in document["clusters"] for document in found)
    ended = single_copies(surveyed_company, "--cluster", "stagin")
    assert ended.code == 2
    assert "no cluster is called stagin; configured are: production, staging" in " ".join(ended.err.split())


def test_what_was_never_crawled_makes_it_unknown_and_ends_with_5(company: Company) -> None:
    assert call("--config", company.site_file, "inventory").code == 0
    ended = single_copies(company, "--json")
    assert ended.code == 5
    assert f"not read: {REGISTRY} was never crawled" in ended.err
    verdicts = {document["image"].partition("/")[0]: document["verdict"] for document in json.loads(ended.out)}
    assert verdicts.pop(REGISTRY) == "unknown"
    assert set(verdicts.values()) <= {"unknown"}, "a copy of what is outside may be in the registry that was not read"
