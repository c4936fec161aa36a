"""Harbor's garbage collection, emulated: one job after the other, each a step further whenever it is asked about.

Behaviour as in Harbor's src/server/v2.0/handler/gc.go and src/controller/gc: a new collection is an execution of its
own; what was freed stands in the JSON text `job_parameters`; the newest comes first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.resources.registry.providers.oci_shelf import Shelf
from tests.resources.registry.providers.vendor_server import Asked, Reply

_PATH = "/api/v2.0/system/gc"
_STEPS = ("Pending", "Running", "Success")


@dataclass
class HarborCollector:
    """The collections of one Harbor. `ends` is how the next ones end; `tells_freed` False as before Harbor 2.9."""

    shelf: Shelf
    ends: str = "Success"
    tells_freed: bool = True
    begun: list[dict[str, Any]] = field(default_factory=list)  #: bodies of the requests
    jobs: list[dict[str, Any]] = field(default_factory=list)
    ids: int = 40

    def answer(self, asked: Asked) -> Reply:
        rest = asked.path.removeprefix(_PATH).strip("/").split("/")
        if rest == ["schedule"] and asked.method == "POST":
            self.begun.append(asked.json)
            number = self.begin("Manual", asked.json.get("parameters") or {})
            return Reply(201, headers={"Location": f"{_PATH}/{number}"})
        if rest == [""]:
            size = int(asked.query.get("page_size", 10))
            listed = [self._told(job) for job in self.jobs[::-1]]
            return Reply(200, listed[:size], headers={"X-Total-Count": str(len(listed))})
        job = next((one for one in self.jobs if str(one["id"]) == rest[0]), None)
        if job is None:
            return Reply(404, {"errors": [{"code": "NOT_FOUND", "message": f"garbage collection {rest[0]} not found"}]})
        if rest[1:] == ["log"]:
            log = f"{job['id']}: success to run gc in job.\n"
            return Reply(200, body=log.encode(), headers={"Content-Type": "text/plain"})
        self._step(job)
        return Reply(200, self._told(job))

    def begin(self, kind: str, parameters: dict[str, Any]) -> int:
        self.ids += 1
        self.jobs.append({"id": self.ids, "kind": kind, "step": 0, "parameters": {**parameters, "time_window": 2},
                          "begun_at": datetime.now(UTC)})  # fmt: skip
        return self.ids

    def _step(self, job: dict[str, Any]) -> None:
        waits = any(one["step"] < 2 for one in self.jobs if one["id"] < job["id"])
        if job["step"] >= 2 or waits:
            return
        job["step"] += 1
        if job["step"] == 2 and self.ends == "Success":
            gone = self._collect()
            if self.tells_freed:
                job["parameters"].update(freed_space=gone[0], purged_blobs=gone[1], purged_manifests=gone[2])
        job["ends"] = self.ends

    def _collect(self) -> tuple[int, int, int]:
        """(bytes, blobs, manifests) of what only deleted images needed."""
        stays: set[str] = set()
        manifests = 0
        for held in self.shelf.repositories.values():
            for digest, stored in list(held.items()):
                if stored.deleted:
                    manifests += 1
                    del held[digest]
                else:
                    stays |= set(stored.image.blobs)
        freed = {digest: blob for digest, blob in self.shelf.blobs.items() if digest not in stays}
        for digest in freed:
            del self.shelf.blobs[digest]
        return sum(map(len, freed.values())), len(freed), manifests

    def _told(self, job: dict[str, Any]) -> dict[str, Any]:
        status = _STEPS[job["step"]] if job["step"] < 2 else job["ends"]
        return {
            "id": job["id"],
            "job_name": "GARBAGE_COLLECTION",
            "job_kind": job["kind"].upper(),
            "job_parameters": json.dumps(job["parameters"]),
            "schedule": {"type": job["kind"]},
            "job_status": status,
            "creation_time": f"{job['begun_at']:%Y-%m-%dT%H:%M:%S.000Z}",
            "update_time": f"{job['begun_at']:%Y-%m-%dT%H:%M:%S.000Z}",
        }
