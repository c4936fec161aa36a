"""`inventory`, `catalog`, `images`, `check` and `usage` over the sample company."""

from __future__ import annotations

import csv
import io
import json

from tests.company import REGISTRY, Company
from tests.registry_pipelines.cli.calling import call


def test_an_inventory_is_taken_and_summed_up_for_each_cluster(company: Company) -> None:
    ended = call("--config", company.site_file, "inventory", "--json")
    assert ended.code == 0, ended.err
    rows = {row["cluster"]: row for row in json.loads(ended.out)}
    assert {name: row["state"] for name, row in rows.items()} == {"production": "complete", "staging": "complete"}
    assert rows["production"]["pods"] == 19
    assert rows["production"]["pull_errors"] == 2


def test_a_cluster_that_cannot_be_read_costs_exit_code_5_and_the_others_are_read(company: Company) -> None:
    (company.root / "clusters" / "staging" / "workloads.json").write_bytes(b"\x1f\x8bnot gzip")
    ended = call("--config", company.site_file, "inventory", "--json")
    assert ended.code == 5
    assert "workloads.json" in ended.err
    rows = {row["cluster"]: row["state"] for row in json.loads(ended.out)}
    assert rows["production"] == "complete"
    assert rows.get("staging") != "complete"


def test_a_cluster_that_nobody_configured_is_told_before_any_is_read(company: Company) -> None:
    ended = call("--config", company.site_file, "inventory", "production", "prodution")
    assert ended.code == 2
    assert "no cluster is called prodution" in ended.err
    assert call("--config", company.site_file, "inventory", "production", "--rows").code == 5  # nothing was taken


def test_a_catalog_is_taken_and_its_tags_can_be_printed(company: Company) -> None:
    taken = call("--config", company.site_file, "catalog", "--json")
    assert taken.code == 0, taken.err
    (row,) = json.loads(taken.out)
    assert (row["repositories"], row["tags"], row["unreadable"]) == (11, 132, 3)
    rows = list(csv.DictReader(io.StringIO(call("--config", company.site_file, "catalog", "--rows", "--csv").out)))
    assert len(rows) == 132
    assert {"registry", "repository", "tag", "digest", "first_seen_at"} <= rows[0].keys()


def test_a_registry_that_is_down_costs_exit_code_5(company: Company) -> None:
    company.registry.stop()
    ended = call("--config", company.site_file, "catalog")
    assert ended.code == 5
    assert "could be read" in ended.err


def test_check_ends_with_1_where_a_finding_is_an_error_and_names_whom_it_hurts(surveyed_company: Company) -> None:
    ended = call("--config", surveyed_company.site_file, "check", REGISTRY, "--json")
    assert ended.code == 1
    findings = json.loads(ended.out)
    assert {(row["kind"], row["what"]) for row in findings} >= {("missing", "layer"), ("missing", "reference")}
    assert "3 errors" in ended.err


def test_check_of_a_sound_repository_ends_with_0(surveyed_company: Company) -> None:
    ended = call("--config", surveyed_company.site_file, "check", REGISTRY, "-r", "health/web")
    assert ended.code == 0, ended.err
    assert "no finding" in ended.err


def test_check_all_looks_at_what_nobody_uses_too(surveyed_company: Company) -> None:
    some = call("--config", surveyed_company.site_file, "check", REGISTRY)
    everything = call("--config", surveyed_company.site_file, "check", REGISTRY, "--all")
    assert everything.code == 1
    parts = [int(told.err.split(" images, ")[1].split(" parts")[0].replace(",", "")) for told in (some, everything)]
    assert parts[1] > 5 * parts[0]


def test_images_are_the_references_in_use_one_a_line(surveyed_company: Company) -> None:
    ended = call("--config", surveyed_company.site_file, "images", REGISTRY)
    assert ended.code == 0
    assert "registry.example.com/health/web:1.4.1" in ended.lines
    assert len(ended.lines) == len(set(ended.lines))
    assert not any(":5443" in line for line in ended.lines)
    other = call("--config", surveyed_company.site_file, "images", "registry.example.com:5443")
    assert other.lines == ["registry.example.com:5443/shop/search:2026.01"]


def test_usage_tells_who_uses_an_image_and_since_when(surveyed_company: Company) -> None:
    image = f"{REGISTRY}/base/python:3.12"
    ended = call("--config", surveyed_company.site_file, "usage", image, "--json")
    assert ended.code == 0, ended.err
    rows = json.loads(ended.out)
    assert {(row["cluster"], row["owner_name"]) for row in rows} == {("production", "web"), ("staging", "node-agent")}
    assert all(row["first_seen_at"] for row in rows)
    assert len(call("--config", surveyed_company.site_file, "usage", image).lines) == 3  # a heading, two workloads


def test_usage_of_what_is_named_and_gone_says_who_names_it(surveyed_company: Company) -> None:
    ended = call("--config", surveyed_company.site_file, "usage", f"{REGISTRY}/shop/frontend:2026.03")
    assert "is not stored" in ended.err
    assert "production shop/frontend names it and finds nothing" in ended.err


def test_usage_of_no_reference_is_one_sentence(surveyed_company: Company) -> None:
    ended = call("--config", surveyed_company.site_file, "usage", f"{REGISTRY}/Shop/Frontend")
    assert ended.code == 2
    assert "lower" in ended.err
    assert ended.err.count("\n") == 1
