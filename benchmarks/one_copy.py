"""One copy in a process of its own, so that its processor time and memory are its own: prints JSON."""

from __future__ import annotations

import argparse
import json
import resource
import time

from registry_core.copying import ImageCopy
from resources.configuration.registry_settings import RegistrySettings
from resources.registry import RegistryConnection
from resources.registry.copying import Copier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("destination")
    parser.add_argument("images", nargs="+", metavar="REPOSITORY:TAG")
    given = parser.parse_args()
    images = []
    for written in given.images:
        repository, _, tag = written.partition(":")
        images.append(ImageCopy(repository, tag, repository, tag))
    copier = Copier(
        RegistryConnection("source", RegistrySettings(url=given.source)),
        RegistryConnection("destination", RegistrySettings(url=given.destination)),
    )
    before = _processor_seconds()
    began = time.perf_counter()
    outcomes = list(copier.copy(images))
    told = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": _processor_seconds() - before,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "sent_bytes": sum(outcome.sent_bytes for outcome in outcomes),
        "failed": [str(outcome) for outcome in outcomes if outcome.word not in ("copied", "already there")],
    }
    print(json.dumps(told))


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
