"""How many events a second the web service takes and stores, on a SQLite history that is full already.

    python -m benchmarks.events [--senders 16] [--events 4000]

`registry-pipelines serve` runs as a process of its own; senders with connections of their own post one event each time,
as Harbor does, and wait for the answer. Told is what was answered with 202 and is in the database, a second.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from registry_core.push_events import PushEvent
from resources.database.history import History
from resources.database.push_events import MOST_KEPT, Delivery

_DIGEST = "sha256:" + "ab" * 32


def configure(folder: Path) -> Path:
    """A site with one entry that everyone on this machine may send to."""
    site = {
        "registries": {"main": {"url": "https://registry.example.com"}},
        "database": {"url": f"sqlite:///{folder / 'history.sqlite'}"},
        "events": {"harbor": {"kind": "harbor", "registry": "main", "unsigned": True}},
    }
    path = folder / "registry_pipelines.yaml"
    path.write_text(json.dumps(site))  # JSON is YAML
    return path


def fill(url: str) -> None:
    """As many events as are ever kept."""
    now = datetime.now(UTC)
    events = tuple(
        PushEvent("push", "shop/old", f"v{number}", _DIGEST, now, delivery=f"old {number}")
        for number in range(MOST_KEPT)
    )
    History.open(url).push_events.note(Delivery("harbor", "main", events, "0" * 64, 500, now))


def body_of(number: int) -> bytes:
    """What Harbor sends for one push."""
    resource = {"digest": _DIGEST, "tag": f"v{number}", "resource_url": f"registry.example.com/shop/web:v{number}"}
    data = {"resources": [resource], "repository": {"repo_full_name": "shop/web"}}
    return json.dumps({"type": "PUSH_ARTIFACT", "occur_at": 1586922308, "event_data": data}).encode()


def send(address: str, numbers: range, statuses: list[int]) -> None:
    """One sender: an event after the other over one connection."""
    connection = http.client.HTTPConnection(address, timeout=60)
    for number in numbers:
        connection.request("POST", "/events/harbor", body_of(number), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()


def measure(folder: Path, senders: int, events: int) -> float:
    """Events a second."""
    site = configure(folder)
    url = f"sqlite:///{folder / 'history.sqlite'}"
    fill(url)
    program = "from registry_pipelines.cli.main import main; main()"
    command = [sys.executable, "-c", program, "--config", str(site), "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as service:
        assert service.stdout is not None
        address = urlsplit(service.stdout.readline().split()[-1]).netloc
        each = events // senders
        statuses: list[int] = []
        threads = [
            threading.Thread(target=send, args=(address, range(at * each, (at + 1) * each), statuses))
            for at in range(senders)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
        service.terminate()
    assert statuses == [202] * (each * senders), set(statuses)
    newest = History.open(url).push_events.newest(limit=each * senders)
    assert {event.repository for event in newest} == {"shop/web"}
    return each * senders / took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--senders", type=int, default=16)
    parser.add_argument("--events", type=int, default=4000)
    options = parser.parse_args()
    for senders in dict.fromkeys((1, options.senders)):
        with tempfile.TemporaryDirectory() as folder:
            rate = measure(Path(folder), senders, options.events if senders > 1 else options.events // 4)
        print(f"{senders:>3} senders: {rate:,.0f} events a second")


if __name__ == "__main__":
    main()
