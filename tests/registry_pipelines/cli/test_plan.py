"""Plans on the command line: the same deeds, exit codes for refusals, JSON for programs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from tests.company import REGISTRY, Company
from tests.registry_pipelines.cli.calling import Ended, call
from tests.registry_pipelines.eviction.meddler import Deed, Meddler
from tests.registry_pipelines.planning import POLICIES, newest_plan, with_policies


@pytest.fixture(autouse=True)
def no_dagster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def plans(company: Company, *arguments: str) -> Ended:
    return call("--config", company.site_file, *arguments)


def test_the_whole_way_from_a_plan_to_what_was_put_back(company: Company) -> None:
    with_policies(company)
    made = plans(company, "plan", "make", "--json")
    assert made.code == 0, made.err
    (row,) = json.loads(made.out)
    short, images = row["fingerprint"][:8], str(row["counted"])

    assert json.loads(plans(company, "plan", "list", "--json").out)[0]["state"] == "waiting"
    whole = plans(company, "plan", "show", short, "--whole").out
    assert hashlib.sha256(whole.encode()).hexdigest() == row["fingerprint"]
    shown = plans(company, "plan", "show", short)
    assert "build-1015" in shown.out
    assert len(json.loads(plans(company, "plan", "show", short, "--json").out)) == row["counted"]

    decided = ("--as", "Alice", "--reason", "old builds")
    wrong = plans(company, "plan", "approve", short, "--images", "1", *decided)
    assert (wrong.code, wrong.out) == (3, "")
    assert "read it again" in wrong.err
    early = plans(company, "plan", "execute", short)
    assert early.code == 3
    assert "nobody has approved" in early.err
    assert plans(company, "plan", "approve", short, "--images", images, *decided).code == 0

    done = plans(company, "plan", "execute", short, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)[0]["deleted"] == row["counted"]
    assert f"`registry-pipelines --config {company.site_file} catalog {REGISTRY}` reads it again" in done.err
    assert plans(company, "plan", "execute", short).code == 3
    journal = json.loads(plans(company, "journal", short, "--json").out)
    assert {line["outcome"] for line in journal} == {"deleted"}

    back = plans(company, "restore", short, "health/api:build-1015", "--json")
    assert back.code == 0, back.err
    assert f"catalog {REGISTRY}` reads it again" in back.err
    assert [(one["repository"], one["back"], one["tags"]) for one in json.loads(back.out)] == [
        ("health/api", True, ["build-1015"])
    ]
    assert plans(company, "restore", short, "health/api:never").code == 3


def test_a_rejected_plan_is_kept_with_its_reason_and_not_carried_out(company: Company) -> None:
    with_policies(company)
    assert plans(company, "plan", "make").code == 0
    short = newest_plan(company).short
    rejected = plans(company, "plan", "reject", short, "--as", "Bob", "--reason", "not this week", "--json")
    assert json.loads(rejected.out)[0]["state"] == "rejected"
    assert "not this week" in plans(company, "plan", "list").out
    assert plans(company, "plan", "execute", short).code == 3


def test_a_plan_beyond_a_limit_ends_with_three_and_names_it(company: Company) -> None:
    with_policies(company, limits={"min_images_in_use": 5, "max_evicted_images": 1})
    ended = plans(company, "plan", "make")
    assert ended.code == 3
    assert "limits.max_evicted_images is 1" in ended.err


def test_a_registry_without_evidence_does_not_keep_the_others_from_being_planned_for(company: Company) -> None:
    with_policies(company)
    site = yaml.safe_load(company.site_file.read_text())
    site["registries"] = {"other": {"url": "http://127.0.0.1:9"}, **site["registries"]}
    company.site_file.write_text(yaml.safe_dump(site))
    ended = plans(company, "plan", "make", "--json")
    assert ended.code == 5
    assert [row["subject"] for row in json.loads(ended.out)] == [REGISTRY]
    assert "other" in ended.err


def test_explain_says_why_an_image_stays_or_would_go(surveyed_plan: Company) -> None:
    goes = plans(surveyed_plan, "plan", "explain", f"{REGISTRY}/health/api:build-1015")
    assert "would go" in goes.out
    assert "keep_last is 3" in goes.out
    (stays,) = json.loads(plans(surveyed_plan, "plan", "explain", f"{REGISTRY}/base/python:3.12", "--json").out)
    assert stays["decision"] == "keep"
    assert "policies[0] protects the repository" in stays["reasons"]
    assert plans(surveyed_plan, "plan", "explain", f"{REGISTRY}/no/such:1").code == 5


def test_a_backtest_replays_a_policy_file(surveyed_plan: Company, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump({"policies": POLICIES}))
    ended = plans(surveyed_plan, "plan", "backtest", "--policy", str(file), "--days", "3", "--json")
    assert (ended.code, ended.out) == (0, "[]\n"), ended.err
    file.write_text("- repositories: ['**']\n  keep_lst: 3\n")
    wrong = plans(surveyed_plan, "plan", "backtest", "--policy", str(file))
    assert wrong.code == 2
    assert "keep_lst" in wrong.err


def test_no_such_plan_is_told_in_one_sentence(surveyed_plan: Company) -> None:
    for command in (("plan", "show"), ("journal",), ("plan", "execute"), ("restore",)):
        ended = plans(surveyed_plan, *command, "abcdef123456")
        assert ended.code == 2
        assert "there is no plan" in ended.err
        assert len(ended.err.strip().splitlines()) == 1


def test_collect_without_a_setting_says_how_to_collect_by_hand(surveyed_company: Company) -> None:
    ended = call("--config", surveyed_company.site_file, "collect", REGISTRY)
    assert ended.code == 2
    assert "garbage-collect" in ended.err
    assert "--delete-untagged" in ended.err


def test_a_plan_with_nothing_to_do_is_listed_so_and_is_not_decided(company: Company) -> None:
    with_policies(company, policies=[{"repositories": ["**"], "protect": True}])
    for _ in range(2):  # the second finds the first, and leaves it
        made = plans(company, "plan", "make", "--json")
        assert made.code == 0, made.err
        (row,) = json.loads(made.out)
        assert (row["state"], row["counted"]) == ("nothing to do", 0)
    assert [one["state"] for one in json.loads(plans(company, "plan", "list", "--json").out)] == ["nothing to do"]
    assert "nothing to do" in plans(company, "plan", "show", row["fingerprint"][:12]).out
    refused = plans(company, "plan", "approve", row["fingerprint"], "--images", "0", "--as", "Al", "--reason", "why")
    assert (refused.code, "there is nothing to decide" in refused.err) == (3, True)


def test_a_repository_that_cannot_be_read_is_named_and_the_others_are_planned(company: Company) -> None:
    deed = Deed(403, "DENIED")
    limits = {"min_images_in_use": 5, "max_evicted_share": 1.0}
    with Meddler(
        company.registry.url, lambda _m, path, _c: deed if path.startswith("/v2/tools/runner/") else None
    ) as between:
        with_policies(company, url=between.url, limits={**limits, "max_unread_share": 0.2})
        made = plans(company, "plan", "make", "--json")
        company.configure(url=between.url, policies=POLICIES, limits=limits)
        refused = plans(company, "plan", "make")
    assert made.code == 0, made.err
    assert "1 repository was not read whole, so all of it stays: tools/runner (forbidden: " in made.err
    (row,) = json.loads(made.out)
    entries = json.loads(plans(company, "plan", "show", row["fingerprint"][:12], "--json").out)
    assert entries
    assert "tools/runner" not in {entry["repository"] for entry in entries}
    assert "! 1 repository was not read whole" in plans(company, "plan", "show", row["fingerprint"][:12]).out
    assert refused.code == 5
    assert "limits.max_unread_share is 5.0%: tools/runner: forbidden" in refused.err
