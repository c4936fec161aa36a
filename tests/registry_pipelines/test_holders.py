"""Whether the holder of a plan is alive: what cannot be told counts as alive."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg

from registry_pipelines.holders import Holders, this_process

ROOT = Path(__file__).parents[2]


def test_a_command_is_alive_as_long_as_its_process_and_no_longer() -> None:
    assert Holders(None).is_alive(this_process())
    program = "from registry_pipelines.holders import this_process; print(this_process())"
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not Holders(None).is_alive(ended.stdout.strip())


def test_a_process_that_got_the_number_of_a_dead_one_is_not_taken_for_it() -> None:
    head, _, started = this_process().rpartition(":")
    assert not Holders(None).is_alive(f"{head}:{int(started or 0) + 1}")


def test_another_machine_and_an_unknown_run_count_as_alive(instance: dg.DagsterInstance) -> None:
    assert Holders(None).is_alive("command:elsewhere.example.com:1:1")
    assert Holders(None).is_alive("3d1f")
    assert Holders(instance).is_alive("3d1f")


def test_a_run_of_dagster_is_alive_until_it_is_finished(instance: dg.DagsterInstance) -> None:
    @dg.job
    def nothing() -> None: ...

    run = instance.create_run_for_job(nothing)
    assert Holders(instance).is_alive(run.run_id)
    ended = nothing.execute_in_process(instance=instance)
    assert not Holders(instance).is_alive(ended.run_id)
