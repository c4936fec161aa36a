"""`replication`: how standing rules stand, and a run by hand."""

from __future__ import annotations

import json

from registry_core.replication_words import DETAIL_COLUMNS, STATUS_COLUMNS
from tests.company import Company
from tests.registries import DockerRegistry
from tests.registry_pipelines.cli.calling import Ended, call
from tests.registry_pipelines.replicating import RULE, with_replication


def replication(company: Company, *arguments: str) -> Ended:
    return call("--config", company.site_file, "replication", *arguments)


def test_a_rule_is_shown_approved_run_and_shown_again(company: Company, docker_registry: DockerRegistry) -> None:
    with_replication(company, docker_registry)
    ended = replication(company, "run", RULE)
    assert ended.code == 3
    assert "waits for a decision" in ended.err
    waiting = replication(company, "status", "--json")
    assert waiting.code == 3
    (row,) = json.loads(waiting.out)
    assert tuple(row) == STATUS_COLUMNS
    assert (row["state"], row["standing"], row["in_step"]) == ("not approved", "waiting", 0)

    decide = ("plan", "approve", row["rule"], "--count", "1", "--as", "Alice", "--reason", "as agreed")
    decided = call("--config", company.site_file, *decide)
    assert decided.code == 0, decided.err
    ended = replication(company, "run", RULE)
    assert ended.code == 0, ended.err
    assert " copied" in ended.err

    shown = replication(company, "status")
    assert shown.code == 4, "one image of the sample company has lost a layer"
    assert "not in step: second-copy" in shown.err
    details = json.loads(replication(company, "status", "--details", "--json").out)
    assert [tuple(one) for one in details] == [DETAIL_COLUMNS]
    assert details[0]["lag"] == "failing"


def test_a_name_that_is_not_configured_is_told(company: Company, docker_registry: DockerRegistry) -> None:
    with_replication(company, docker_registry)
    for command in ("run", "status"):
        ended = replication(company, command, "third-copy")
        assert ended.code == 2
        assert "no replication is called third-copy; configured are: second-copy" in ended.err
