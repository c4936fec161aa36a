"""Run a sample of all mutations: `python -m tests.mutants.run --sample 300 --seed 1 [--module NAME] [--jobs 2]`.

Each mutation lives in a forked process of its own, where an import hook gives the changed source to Python; no file is
written, so several run at once. A mutation is noticed when a test fails or the tests take longer than `--patience`.
Ends with 1 when a survivor is not in `survivors.toml`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import select
import signal
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from tests.mutants.mutations import Mutation, mutations_of
from tests.mutants.targets import TARGETS

#: Imported once, before the forks; nothing of ours, so that each fork imports the changed module itself.
HEAVY = (
    "pandas",
    "dagster",
    "sqlalchemy",
    "alembic",
    "pydantic",
    "requests",
    "pycurl",
    "kubernetes",
    "starlette",
    "uvicorn",
)

ROOT = Path(__file__).parents[2]
SURVIVORS = Path(__file__).with_name("survivors.toml")


class MutatedLoader(importlib.abc.SourceLoader):
    """Gives Python the changed source of one module."""

    def __init__(self, mutation: Mutation, path: str) -> None:
        self._mutation, self._path = mutation, path

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_data(self, path: str | bytes) -> bytes:
        return self._mutation.source.encode()

    def path_stats(self, path: str) -> dict[str, float]:
        raise OSError  # never a cached compilation


class MutatedFinder(importlib.abc.MetaPathFinder):
    """Finds the one mutated module before anything else does."""

    def __init__(self, mutation: Mutation) -> None:
        self._mutation = mutation

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutation.module:
            return None
        where = str(source_of(fullname))
        return importlib.util.spec_from_file_location(fullname, where, loader=MutatedLoader(self._mutation, where))


def source_of(module: str) -> Path:
    return ROOT / (module.replace(".", "/") + ".py")


def is_noticed(mutation: Mutation, patience: float) -> bool:
    """Whether a test fails with this change, in a fork."""
    child = os.fork()
    if child == 0:
        os.setsid()
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        sys.meta_path.insert(0, MutatedFinder(mutation))
        tests = [str(ROOT / test) for test in TARGETS[mutation.module]]
        code = 70
        with contextlib.suppress(BaseException):
            code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]))
        os._exit(code)
    watch = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([watch], [], [], patience)
        if not ready:
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # servers that a killed test left
        return not ready or os.waitstatus_to_exitcode(status) != 0
    finally:
        os.close(watch)


def known_survivors() -> set[tuple[str, str, str]]:
    """Module, text before and text after of every survivor with a reason."""
    listed = tomllib.loads(SURVIVORS.read_text(encoding="utf-8")).get("survivor", [])
    return {(one["module"], one["before"], one["after"]) for one in listed if one["reason"].strip()}


def chosen(sample: int, seed: int, modules: Sequence[str]) -> list[Mutation]:
    """A sample over all modules, or all mutations where there are fewer."""
    everything = [one for name in modules for one in mutations_of(name, source_of(name).read_text(encoding="utf-8"))]
    return random.Random(seed).sample(everything, min(sample, len(everything)))


def shares(mutations: Sequence[Mutation], jobs: int) -> Iterator[list[Mutation]]:
    for number in range(jobs):
        yield list(mutations[number::jobs])


def work(mutations: Sequence[Mutation], patience: float, out: int) -> None:
    for mutation in mutations:
        began = time.monotonic()
        noticed = is_noticed(mutation, patience)
        known = (mutation.module, mutation.before, mutation.after) in known_survivors()
        verdict = "noticed" if noticed else "known" if known else "SURVIVED"
        os.write(out, f"{verdict:8} {time.monotonic() - began:5.1f} s  {mutation.label}\n".encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--patience", type=float, default=240.0, help="seconds until a mutation counts as noticed")
    parser.add_argument("--module", action="append", choices=sorted(TARGETS), help="only this module; may be repeated")
    options = parser.parse_args()
    # Reproducible, and the same examples for each mutation; no deadline on a busy machine.
    settings.register_profile("mutants", deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    settings.load_profile("mutants")
    mutations = chosen(options.sample, options.seed, options.module or list(TARGETS))
    for name in HEAVY:
        importlib.import_module(name)
    for module in {str(TARGETS[one.module]): one.module for one in mutations}.values():
        unchanged = Mutation(module, 0, "", "", source_of(module).read_text(encoding="utf-8"))
        if is_noticed(unchanged, options.patience):
            print(f"The tests of {module} fail or take over {options.patience:g} s without any change: fix that first.")
            return 2
    readable, writable = os.pipe()
    for share in shares(mutations, options.jobs):
        if os.fork() == 0:
            os.close(readable)
            work(share, options.patience, writable)
            os._exit(0)
    os.close(writable)
    survived = noticed = 0
    with os.fdopen(readable, encoding="utf-8") as lines:
        for line in lines:
            print(line, end="", flush=True)
            noticed += line.startswith("noticed")
            survived += line.startswith("SURVIVED")
    matter = noticed + survived
    print(f"{noticed} of {matter} changes that matter were noticed ({noticed / max(matter, 1):.1%});"
          f" {len(mutations) - matter} more are known to change nothing.")  # fmt: skip
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
