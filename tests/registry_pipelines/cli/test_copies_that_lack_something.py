"""Copies, migrations and replications of what is not whole: each image has its line, and the exit code says so."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from registry_core.push_events import PushEvent
from resources.configuration.load import load_site
from resources.connections import Connections
from resources.database.push_events import Delivery
from resources.embedded_registry import EmbeddedRegistry
from tests.dumps import cluster_of
from tests.image_builder import (
    OCI_MANIFEST,
    BuiltImage,
    blob_descriptor,
    canonical,
    digest_of,
    make_image,
    make_multi_platform,
    make_referrer,
    push,
)
from tests.registries import DockerRegistry
from tests.registry_pipelines.cli.calling import Ended, call
from tests.resources.registry.copying.weir import Weir

_HOST = "old.example.com"


@dataclass
class Site:
    """A production cluster, a registry that it pulls from, and a second one."""

    root: Path
    old: str
    new: str
    production: dict[str, str] = field(default_factory=dict)  #: Deployment → image

    @property
    def file(self) -> Path:
        return self.root / "site.yaml"

    def configure(self, what: dict[str, Any] | None = None, *, new: dict[str, Any] | None = None, **rule: Any) -> Site:
        written = {"from": "old", "to": "new", "what": what or {"all": True}, **rule}
        self.file.write_text(
            json.dumps(
                {
                    "clusters": {"production": cluster_of(self.root / "production.json", self.production)},
                    "registries": {
                        "old": {"url": self.old, "hosts": [_HOST], "retries": 2},
                        "new": {"url": self.new, "retries": 2, **(new or {})},
                    },
                    "database": {"url": f"sqlite:///{self.root}/history.db"},
                    "policies": [{"repositories": ["**"], "keep_tags": ["v*"]}],
                    "limits": {"min_images_in_use": 1, "max_evicted_share": 1.0},
                    "migrations": {"move": written},
                    "replications": {"second": written},
                }
            )
        )
        return self

    def call(self, *arguments: str) -> Ended:
        return call("--config", self.file, *arguments)

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        return json.loads(self.call(*arguments, "--json").out)

    def survey(self) -> None:
        for command in ("inventory", "catalog"):
            ended = self.call(command)
            assert ended.code == 0, ended.err

    def planned(self) -> str:
        """An approved migration plan."""
        (row,) = self.json("migration", "plan")
        self.approve(row["plan"], row["copy"])
        return str(row["plan"])

    def approve(self, fingerprint: str, count: int = 1) -> None:
        ended = self.call("plan", "approve", fingerprint, "--count", str(count), "--as", "Ada", "--reason", "we move")
        assert ended.code == 0, ended.err

    def approve_rule(self) -> None:
        (row,) = self.json("replication", "status")
        self.approve(row["rule"])

    def lines(self) -> dict[str, tuple[str, str]]:
        """Word and users of each line of the plan, by its tags."""
        rows = self.json("migration", "show", "move")
        return {", ".join(row["tags"]): (row["word"], row["used_by"]) for row in rows}


@pytest.fixture
def site(docker_registry: DockerRegistry, tmp_path: Path) -> Iterator[Site]:
    with DockerRegistry(tmp_path / "new") as new:
        yield Site(tmp_path, docker_registry.url, new.url, {"web": f"{_HOST}/team/web:v1"}).configure()


def delete(url: str, repository: str, kind: str, digest: str) -> None:
    requests.delete(f"{url}/v2/{repository}/{kind}/{digest}", timeout=20).raise_for_status()


def without_config(site: Site) -> None:
    """Two tags; the config of the one in use is gone."""
    lost = make_image([b"one"], {"created": "2026-02-01T00:00:00Z"})
    push(site.old, "team/web", lost, "v1")
    push(site.old, "team/web", make_image([b"two"], {"author": "two", "created": "2026-02-02T00:00:00Z"}), "v2")
    delete(site.old, "team/web", "blobs", lost.config_digest)


@pytest.mark.parametrize("what", [{"all": True}, {"newest": 5}, {"in_use": ["production"]}, {"tags": ["v*"]}])
def test_an_image_in_use_that_lost_its_config_has_a_line_and_ends_with_4(site: Site, what: dict[str, Any]) -> None:
    without_config(site)
    site.configure(what).survey()
    plan = site.planned() if what != {"in_use": ["production"]} else ""
    if not plan:
        assert site.call("migration", "plan").code == 0
    assert site.lines()["v1"] == ("unreadable", "production/shop/web")
    if plan:
        ended = site.call("migration", "run", plan)
        assert ended.code == 4
        assert "team/web:v1" in ended.err
        assert "in use by production/shop/web" in ended.err


def test_a_second_copy_is_never_in_step_while_the_source_cannot_give_an_image_whole(site: Site) -> None:
    without_config(site)
    site.survey()
    site.approve_rule()
    ended = site.call("replication", "run", "second")
    assert ended.code == 4
    assert "1 image could not be read at the source" in ended.err
    assert site.call("catalog").code == 0
    assert site.json("replication", "status")[0]["state"] == "failing"


def test_what_the_catalog_saw_broken_is_not_waited_for_as_if_it_were_to_be_copied(site: Site) -> None:
    push(site.old, "team/web", make_image([b"one"]), "v1")
    site.survey()
    site.approve_rule()
    assert site.call("replication", "run", "second").code == 0
    broken = make_image([b"two"], {"author": "two"})
    push(site.old, "team/web", broken, "v2")
    delete(site.old, "team/web", "blobs", broken.config_digest)
    assert site.call("catalog").code == 0
    (row,) = site.json("replication", "status", "--details")
    assert (row["image"], row["lag"]) == ("team/web:v2", "unreadable")


@pytest.mark.parametrize("what", [{"all": True}, {"newest": 2}, {"tags": ["*"]}])
def test_a_tag_that_resolves_to_nothing_has_a_line_with_who_uses_it(site: Site, what: dict[str, Any]) -> None:
    lost = make_image([b"lost"])
    push(site.old, "team/web", lost, "v1")
    push(site.old, "team/web", make_image([b"whole"], {"author": "a"}), "v2")
    algorithm, _, digest = lost.digest.partition(":")
    blob = Path(
        site.root / "docker-registry/storage/docker/registry/v2/blobs" / algorithm / digest[:2] / digest / "data"
    )
    blob.unlink()  # its link is still there: the tag is listed, and answers 404 or 500
    site.configure(what)
    site.call("inventory")
    site.call("catalog")
    assert site.call("migration", "plan").code == 0
    word, used_by = site.lines()["v1"]
    assert (word, used_by) == ("unreadable", "production/shop/web")


def test_an_index_that_lost_a_platform_is_not_copied_and_verify_says_so(site: Site) -> None:
    index = make_multi_platform(content=b"multi")
    push(site.old, "team/web", index, "v1")
    push(site.old, "team/web", make_image([b"whole"], {"author": "a"}), "v2")
    delete(site.old, "team/web", "manifests", index.children[1].digest)
    site.survey()
    plan = site.planned()
    ended = site.call("migration", "run", plan)
    assert (ended.code, "1 failed" in ended.out) == (4, True)
    verified = site.call("migration", "verify", "move")
    assert verified.code == 4
    assert "1 of 2 images was not copied; first team/web:v1" in verified.err
    assert "all" not in verified.err.partition("not copied")[0]


def _with_layer(image: BuiltImage, layer: dict[str, Any], *blobs: bytes) -> BuiltImage:
    document = {**image.document, "layers": [*image.document["layers"], layer]}
    found = {**image.blobs, **{digest_of(blob): blob for blob in blobs}}
    return BuiltImage(canonical(document), image.media_type, found)


_NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"


def test_a_nondistributable_layer_without_an_address_is_copied_like_any_other(site: Site) -> None:
    layer = b"of a vendor"
    push(site.old, "team/web", _with_layer(make_image(), blob_descriptor(layer, _NONDISTRIBUTABLE), layer), "v1")
    ended = site.call("copy", "old/team/web:v1", "new/team/web", "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)[0]["foreign_layers"] == []
    copied = requests.get(f"{site.new}/v2/team/web/blobs/{digest_of(layer)}", timeout=20)
    assert (copied.status_code, copied.content) == (200, layer)


def test_a_destination_that_takes_no_foreign_layers_is_asked_once_and_the_reason_is_said(site: Site) -> None:
    foreign = {**blob_descriptor(b"elsewhere", _NONDISTRIBUTABLE), "urls": ["https://layers.example.com/1"]}
    with (
        EmbeddedRegistry(site.root / "source", durable=False) as source,
        Weir(site.new.removeprefix("http://")) as weir,
    ):
        push(source.layout, "team/win", _with_layer(make_image(), foreign), "v1")
        site.old, site.new = source.url, weir.url
        site.configure()
        ended = site.call("copy", "old/team/win:v1", "new/team/win")
        assert ended.code == 4
        assert "does not take foreign layers that lie at layers.example.com" in ended.err
        assert "Its tag was not written" in ended.err
        assert [method for method, path in weir.asked if method == "PUT" and "/manifests/" in path] == ["PUT"]


def test_a_tag_that_was_written_though_the_answer_was_lost_is_not_said_to_be_missing(site: Site) -> None:
    push(site.old, "team/web", make_image(), "v1")
    with Weir(site.new.removeprefix("http://")) as weir:
        site.new = weir.url
        site.configure()
        weir.fail("PUT", "/manifests/v1", lost=True, times=10)
        ended = site.call("copy", "old/team/web:v1", "new/team/web", "--json")
        assert (ended.code, [row["outcome"] for row in json.loads(ended.out)]) == (0, ["copied"]), ended.err


def test_a_push_between_two_runs_by_hand_is_seen_by_the_second(site: Site) -> None:
    push(site.old, "team/web", make_image([b"one"]), "v1")
    site.survey()
    site.approve_rule()
    assert site.call("replication", "run", "second").code == 0
    push(site.old, "team/web", make_image([b"two"]), "v2")
    ended = site.call("replication", "run", "second")
    assert (ended.code, "1 copied" in ended.err) == (0, True), ended.err
    assert requests.get(f"{site.new}/v2/team/web/tags/list", timeout=20).json()["tags"] == ["v1", "v2"]


def test_a_second_copy_is_not_called_in_step_while_an_event_waits(site: Site) -> None:
    push(site.old, "team/web", make_image([b"one"]), "v1")
    site.survey()
    site.approve_rule()
    assert site.call("replication", "run", "second").code == 0
    assert site.json("replication", "status")[0]["state"] == "in step"
    with Connections(load_site(site.file)) as connections:
        events = (PushEvent("push", "team/web", "v1"),)
        connections.history.push_events.note(Delivery("doorbell", "old", events, "0" * 64, 10, datetime.now(UTC)))
    ended = site.call("replication", "status", "--json")
    (row,) = json.loads(ended.out)
    assert (row["state"], row["events_waiting"], ended.code) == ("unknown", 1, 5)
    assert "1 push event waits" in row["why"]
    assert site.call("replication", "run", "second").code == 0
    (row,) = site.json("replication", "status")
    assert (row["state"], row["events_waiting"]) == ("in step", 0), "the run has compared what the event was about"


@pytest.mark.parametrize(("rule", "code"), [("refuse", 4), ("keep", 0)])
def test_a_run_that_leaves_a_conflict_ends_with_4_and_says_why(site: Site, rule: str, code: int) -> None:
    image = make_image([b"one"])
    for tag in ("v1", "stable"):
        push(site.old, "team/web", image, tag)
    push(site.new, "team/web", make_image([b"of others"]), "stable")
    site.configure(on_conflict=rule).survey()
    site.approve_rule()
    ended = site.call("replication", "run", "second")
    assert ended.code == code, ended.err
    assert ("1 image in conflict at the destination" in ended.err) == (code == 4)
    tags = requests.get(f"{site.new}/v2/team/web/tags/list", timeout=20).json()["tags"]
    assert sorted(tags) == (["stable"] if rule == "refuse" else ["stable", "v1"])


def test_a_rule_that_keeps_the_tags_of_others_moves_its_own(site: Site) -> None:
    for tag in ("v1", "latest"):
        push(site.old, "team/web", make_image([b"one"]), tag)
    push(site.new, "team/web", make_image([b"of others"]), "v1")
    site.configure(on_conflict="keep").survey()
    site.approve_rule()
    assert site.call("replication", "run", "second").code == 0
    newer = make_image([b"two"])
    push(site.old, "team/web", newer, "latest")
    ended = site.call("replication", "run", "second")
    assert ended.code in (0, 4), ended.err
    head = requests.head(
        f"{site.new}/v2/team/web/manifests/latest", headers={"Accept": OCI_MANIFEST}, timeout=20
    ).headers["Docker-Content-Digest"]
    assert head == newer.digest
    theirs = requests.head(f"{site.new}/v2/team/web/manifests/v1", headers={"Accept": OCI_MANIFEST}, timeout=20)
    assert theirs.headers["Docker-Content-Digest"] == make_image([b"of others"]).digest


def test_deletions_that_are_all_kept_are_named_with_what_keeps_them_and_make_no_plan(site: Site) -> None:
    for tag in ("v1", "v2"):
        push(site.old, "team/web", make_image([tag.encode()]), tag)
    site.survey()
    site.approve_rule()
    assert site.call("replication", "run", "second").code == 0
    delete(site.old, "team/web", "manifests", make_image([b"v2"]).digest)
    assert site.call("catalog").code == 0
    ended = site.call("replication", "plan-deletions", "second")
    assert ended.code == 0, ended.err
    assert "1 tag that the source deleted is still at new, and it is kept" in ended.err
    assert "team/web:v2 is kept: tag v2 kept" in ended.err
    assert site.json("plan", "list", "--kind", "eviction") == []


@pytest.mark.parametrize("kind", ["migration", "replication"])
def test_a_rule_between_two_names_of_one_registry_is_refused_by_its_first_run(site: Site, kind: str) -> None:
    push(site.old, "team/web", make_image([b"one"]), "v1")
    push(site.old, "team/api", make_image([b"two"]), "v1")
    with Weir(site.old.removeprefix("http://")) as other_name:
        site.new = other_name.url
        site.configure(names={"prefix": {"": "mirror"}}).survey()
        if kind == "migration":
            ended = site.call("migration", "run", site.planned())
        else:
            site.approve_rule()
            ended = site.call("replication", "run", "second")
    assert ended.code == 3
    assert "old and new are one registry under two names" in ended.err


@pytest.mark.parametrize("other", ["localhost", "LOCALHOST", "[::1]"])
def test_rules_between_spellings_of_one_registry_are_refused_with_the_file(site: Site, other: str) -> None:
    port = site.old.rpartition(":")[2]
    site.new = f"http://{other}:{port}"
    ended = site.configure().call("doctor")
    assert ended.code == 2
    assert "one registry" in ended.err


class RewritingRegistry:
    """A proxy before a registry that rewrites the list of a subject's referrers with each of them: what is stored while
    another one of the same subject is being stored is counted as `lost`."""

    def __init__(self, host: str) -> None:
        self.weir = Weir(host)
        self.lost = 0
        self.most = 0
        self._busy: dict[str, int] = {}
        self._lock = threading.Lock()
        passes = self.weir._pass

        def watched(handler: Any) -> None:
            subject = self._subject_of(handler)
            with self._lock:
                self._busy[subject] = self._busy.get(subject, 0) + 1
                self.lost += bool(subject) and self._busy[subject] > 1
                self.most = max(self.most, sum(self._busy.values()))
            try:
                passes(handler)
            finally:
                with self._lock:
                    self._busy[subject] -= 1

        self.weir._pass = watched  # type: ignore[method-assign]

    def _subject_of(self, handler: Any) -> str:
        if handler.command != "PUT" or "/manifests/" not in handler.path:
            return ""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        handler.rfile = _Again(body, handler.rfile)
        return str((json.loads(body).get("subject") or {}).get("digest", ""))


class _Again:
    """A request's body that was read already, then the rest of the connection."""

    def __init__(self, body: bytes, rest: Any) -> None:
        self._body, self._rest = body, rest

    def read(self, size: int = -1) -> bytes:
        if self._body:
            taken, self._body = self._body[:size], self._body[size:]
            return taken
        return self._rest.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest, name)


def test_referrers_of_one_subject_are_written_one_after_the_other(site: Site) -> None:
    with (
        EmbeddedRegistry(site.root / "source", durable=False) as source,
        EmbeddedRegistry(site.root / "target", durable=False) as target,
    ):
        subject = make_image([b"subject"])
        push(source.layout, "team/web", subject, "v1")
        referrers = [make_referrer(subject, content=f"sbom {number}".encode()) for number in range(32)]
        for number, referrer in enumerate(referrers):
            push(source.layout, "team/web", referrer, f"sbom-{number}" if number % 4 == 0 else None)
        watched = RewritingRegistry(target.url.removeprefix("http://"))
        with watched.weir:
            site.old, site.new = source.url, watched.weir.url
            site.configure().survey()
            ended = site.call("migration", "run", site.planned())
            assert ended.code == 0, ended.err
        assert watched.lost == 0
        assert watched.most > 1, "what is of different subjects goes side by side"
        listed = requests.get(f"{target.url}/v2/team/web/referrers/{subject.digest}", timeout=20).json()["manifests"]
        assert {one["digest"] for one in listed} == {one.digest for one in referrers}
