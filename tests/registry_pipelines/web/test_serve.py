"""`registry-pipelines serve` and `check_docker_registry`, each as a process, as they are run."""

from __future__ import annotations

import http.server
import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import ClassVar

import pytest
import requests

from registry_pipelines.cli.check_docker_registry import exit_code_of
from registry_pipelines.cli.check_docker_registry import main as ask
from tests.registry_pipelines.web.service import HOST, Service, Site, failing, lost, pod

ROOT = Path(__file__).parents[3]
WEB = f"{HOST}/shop/web:v1"


def program(module: str, *arguments: str | Path) -> list[str]:
    return [sys.executable, "-c", f"from registry_pipelines.cli.{module} import main; main()", *map(str, arguments)]


def plugin(*arguments: str | Path) -> tuple[int, list[str]]:
    """Exit code and lines of one call, in this process."""
    said, complained = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(complained), pytest.raises(SystemExit) as ended:
        ask([str(argument) for argument in arguments])
    assert complained.getvalue() == ""
    assert isinstance(ended.value.code, int)
    return ended.value.code, said.getvalue().splitlines()


@contextmanager
def serving(site: Site, *arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and the address that it printed."""
    process = subprocess.Popen(
        program("main", "--config", site.loaded.path, "serve", "--port", "0", *arguments),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        found = re.search(r"at (http://\S+)", process.stdout.readline())
        assert found, process.stderr and process.stderr.read()
        yield process, found[1]
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_serves_until_it_is_told_to_stop(site: Site, number: signal.Signals, code: int) -> None:
    site.told.everything(pod(WEB))
    with serving(site) as (process, url):
        assert url.startswith("http://127.0.0.1:")
        assert requests.get(f"{url}/_nagios_check_registry?token=hunter2", timeout=30).text.startswith("OK: ")
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert process.returncode == code
    assert "GET /_nagios_check_registry 200" in said
    assert "hunter2" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--host", "0.0.0.0"), 3, "--unsafe-no-token"),
        (("--token-file", "absent"), 2, "does not exist"),
        (("--host", "192.0.2.1", "--unsafe-no-token"), 2, "cannot listen there"),
        (("--host", "nowhere.invalid", "--unsafe-no-token"), 2, "is no address"),
    ],
)
def test_what_it_refuses_is_told_in_a_sentence(site: Site, arguments: tuple[str, ...], code: int, words: str) -> None:
    ended = subprocess.run(
        program("main", "--config", site.loaded.path, "serve", "--port", "0", *arguments),
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (code, "")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_told(site: Site) -> None:
    with serving(site) as (_, url):
        ended = subprocess.run(
            program("main", "--config", site.loaded.path, "serve", "--port", url.rpartition(":")[2]),
            cwd=ROOT, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert (ended.returncode, "choose another port" in ended.stderr) == (2, True)


def test_beyond_loopback_it_serves_with_a_token_and_the_plugin_shows_it(site: Site, tmp_path: Path) -> None:
    site.told.everything(pod(WEB))
    token = tmp_path / "token"
    token.write_text("tok€n\n")
    with serving(site, "--host", "0.0.0.0", "--token-file", token) as (_, url):
        here = url.replace("0.0.0.0", "127.0.0.1")
        assert plugin("--url", here, "--token-file", token) == (0, ["OK: No missing images anywhere"])
        code, said = plugin("--url", here)
        assert (code, said) == (3, ["ERROR: show the token: `Authorization: Bearer …`"])


def test_the_plugin_ends_as_nagios_wants(site: Site, service: Service) -> None:
    url = f"{service.url}/_nagios_check_registry"
    assert plugin("--url", url)[0] == 3  # nothing is known yet
    site.told.everything(pod(WEB))
    assert plugin("--url", url) == (0, ["OK: No missing images anywhere"])
    site.told.health(lost("shop/web", "v1"))
    code, said = plugin(service.url)  # as the predecessor's plugin was called
    assert (code, said[1]) == (1, f"['no digest']: {WEB} (is running on: node1)")
    site.told.inventory("main", failing(WEB))
    ended = subprocess.run(
        program("check_docker_registry", "--url", f"{service.url}/"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    code, said = ended.returncode, ended.stdout.splitlines()
    assert (code, said[1]) == (2, f"ImagePullBackOff: {WEB} (and not running anywhere)")


class _Nonsense(http.server.BaseHTTPRequestHandler):
    answers: ClassVar = {
        "/html": (200, "text/html", b"<h1>OK: sign in</h1>"),
        "/words": (200, "text/plain", b"everything is OK"),
        "/empty": (200, "text/plain", b""),
        "/large": (200, "text/plain", b"OK: " + b"x" * 2_000_000),
    }

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/words")
            self.end_headers()
            return
        status, kind, body = self.answers[self.path]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def test_what_is_no_check_is_unknown_never_ok() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Nonsense)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        for path in (*_Nonsense.answers, "/moved"):
            code, said = plugin("--url", url + path)
            assert (path, code, len(said)) == (path, 3, 1)
            assert said[0].startswith("ERROR: ")
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--url", "http://127.0.0.1:9/"),
        ("--url", "ftp://example.com"),
        ("--url", "http://user:hunter2@example.com"),
        ("--url", "http://[::1"),
        (),
        ("--uri", "http://127.0.0.1"),
        ("--url", "http://127.0.0.1", "--timeout", "0"),
        ("--url", "http://127.0.0.1", "--token-file", "absent"),
    ],
)
def test_a_plugin_that_cannot_ask_is_unknown(arguments: tuple[str, ...]) -> None:
    code, said = plugin(*arguments)
    assert code == 3
    assert said[0].startswith("ERROR: ")
    assert "hunter2" not in said[0]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("OK: all CRITICAL things are fine", 0),
        ("WARNING: x", 1),
        ("CRITICAL: x\nOK: y", 2),
        ("ERROR: OK", 3),
        ("OKAY: x", 3),
        ("", 3),
    ],
)
def test_the_first_word_decides(text: str, code: int) -> None:
    assert exit_code_of(text) == code


def test_the_plugin_starts_without_pandas_and_dagster() -> None:
    asked = (
        "import sys, registry_pipelines.cli.check_docker_registry;"
        "print([name for name in ('pandas', 'dagster', 'starlette', 'sqlalchemy') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, env=os.environ)
    assert ended.stdout.strip() == "[]"
