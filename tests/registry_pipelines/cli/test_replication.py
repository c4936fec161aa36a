"""`replication`: how standing rules stand, and a run by hand."""

from __future__ import annotations

import json

from assets.taking.replication import file_rule
from registry_core.approval import ApprovalRules
from registry_core.replication_words import DETAIL_COLUMNS, STATUS_COLUMNS
from tests.company import Company
from tests.registries import DockerRegistry
from tests.registry_pipelines.cli.calling import Ended, call
from tests.registry_pipelines.replicating import RULE, approve_by_hand, with_replication


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

    (filed,) = json.loads(call("--config", company.site_file, "plan", "list", "--kind", "replication", "--json").out)
    assert filed["good_until"] is None, "a rule stands until it is changed or rejected"
    decide = ("plan", "approve", row["rule"], "--count", "1", "--as", "Alice", "--reason", "as agreed")
    decided = call("--config", company.site_file, *decide)
    assert decided.code == 0, decided.err
    ended = replication(company, "run", RULE)
    assert ended.code == 4, "one image of the sample company has lost a layer"
    assert " copied" in ended.err
    assert "1 image could not be read at the source; first health/" in ended.err

    shown = replication(company, "status")
    assert shown.code == 4, "one image of the sample company has lost a layer"
    assert "not in step: second-copy" in shown.err
    details = json.loads(replication(company, "status", "--details", "--json").out)
    assert [tuple(one) for one in details] == [DETAIL_COLUMNS]
    assert details[0]["lag"] == "failing"


def test_a_rule_that_a_lost_machine_holds_is_taken_over_or_rejected(
    company: Company, docker_registry: DockerRegistry
) -> None:
    with_replication(company, docker_registry)
    approve_by_hand(company)

    left: list[object] = []  # a block that is not ended

    def left_by_a_lost_machine() -> str:
        with company.connections() as connections:
            rule = file_rule(connections, RULE)
            held = connections.ledger.held(
                rule, "command:lost-machine:7:1", rules=ApprovalRules(), holder_is_alive=lambda _: False
            )
            held.__enter__()
            left.append(held)
            return rule.fingerprint

    fingerprint = left_by_a_lost_machine()
    refused = replication(company, "run", RULE)
    assert refused.code == 3
    assert "the run command:lost-machine:7:1 works on this plan" in refused.err
    ended = replication(company, "run", RULE, "--take-over", "--json")
    assert ended.code == 4, "one image of the sample company has lost a layer"
    (row,) = json.loads(ended.out)
    assert row["copied"] > 5
    assert row["why"] == ""

    left_by_a_lost_machine()
    decide = ("plan", "reject", fingerprint, "--as", "Alice", "--reason", "no second copy any more")
    rejected = call("--config", company.site_file, *decide)
    assert rejected.code == 0, rejected.err
    assert "was rejected" in replication(company, "run", RULE).err


def test_a_name_that_is_not_configured_is_told(company: Company, docker_registry: DockerRegistry) -> None:
    with_replication(company, docker_registry)
    for command in ("run", "status"):
        ended = replication(company, command, "third-copy")
        assert ended.code == 2
        assert "no replication is called third-copy; configured are: second-copy" in ended.err
