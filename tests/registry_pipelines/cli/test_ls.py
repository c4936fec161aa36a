"""`ls` and `count` over real registries: every tag, in order, and never fewer in silence."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_pipelines.cli.listing import read_tags
from registry_pipelines.config import open_registry
from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import make_image, push
from tests.registry_pipelines.cli.calling import call


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who is signed in nowhere and has no site."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("DOCKER_CONFIG", "XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE", "REGISTRY_PIPELINES_CONFIG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def filled(embedded_registry: EmbeddedRegistry) -> EmbeddedRegistry:
    for repository, tags in {"web/shop": ["v2", "v1"], "api": ["latest"], "base/os": ["12"]}.items():
        for tag in tags:
            push(embedded_registry.layout, repository, make_image([f"{repository}:{tag}".encode()]), tag)
    return embedded_registry


def configured(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(text)
    return path


def test_every_tag_is_one_line_in_order(filled: EmbeddedRegistry) -> None:
    ended = call("ls", filled.url)
    assert ended.code == 0, ended.err
    assert ended.lines == ["api:latest", "base/os:12", "web/shop:v1", "web/shop:v2"]
    assert ended.err == ""


def test_a_host_and_a_configured_name_mean_the_same(filled: EmbeddedRegistry, tmp_path: Path) -> None:
    site = configured(tmp_path, f"registries: {{here: {{url: '{filled.url}', hosts: [reg.example.com]}}}}")
    expected = call("ls", filled.url).out
    assert call("ls", filled.host).out == expected
    assert call("--config", site, "ls", "here").out == expected
    assert call("--config", site, "ls", "reg.example.com").out == expected


def test_only_the_repositories_named_are_listed(filled: EmbeddedRegistry) -> None:
    assert call("ls", filled.url, "-r", "web/shop", "-r", "api").lines == ["web/shop:v1", "web/shop:v2", "api:latest"]


def test_digests_are_added(filled: EmbeddedRegistry) -> None:
    (line,) = call("ls", filled.url, "-r", "api", "--digest").lines
    assert line == f"api:latest@{make_image([b'api:latest']).digest}"


def test_json_is_a_list_of_objects(filled: EmbeddedRegistry) -> None:
    rows = json.loads(call("ls", filled.url, "--digest", "--json", "-r", "base/os").out)
    assert rows == [{"repository": "base/os", "tag": "12", "digest": make_image([b"base/os:12"]).digest}]
    assert json.loads(call("ls", filled.url, "--json").out)[0] == {"repository": "api", "tag": "latest"}


def test_csv_has_a_header(filled: EmbeddedRegistry) -> None:
    rows = list(csv.reader(io.StringIO(call("ls", filled.url, "--csv").out)))
    assert rows[:2] == [["repository", "tag"], ["api", "latest"]]
    assert len(rows) == 5


def test_an_empty_registry_is_an_empty_list(embedded_registry: EmbeddedRegistry) -> None:
    assert call("ls", embedded_registry.url).out == ""
    assert json.loads(call("ls", embedded_registry.url, "--json").out) == []


def test_what_the_configuration_leaves_out_is_not_listed(filled: EmbeddedRegistry, tmp_path: Path) -> None:
    settings = f"{{url: '{filled.url}', include: ['web/**', api], exclude: [api]}}"
    site = configured(tmp_path, f"registries: {{here: {settings}}}")
    assert call("--config", site, "ls", "here").lines == ["web/shop:v1", "web/shop:v2"]


def test_a_repository_that_was_named_and_is_missing_is_an_error(filled: EmbeddedRegistry) -> None:
    ended = call("ls", filled.url, "-r", "nowhere", "-r", "api")
    assert ended.code == 5
    assert ended.lines == ["api:latest"]
    assert "nowhere" in ended.err
    assert "1 of 2 repositories could not be read whole" in ended.err


def test_a_tag_that_does_not_resolve_is_told_and_not_listed(docker_registry) -> None:
    built = make_image([b"x"])
    for tag in ("kept", "lost"):
        push(docker_registry, "app", built, tag)
    links = docker_registry.storage / "docker/registry/v2/repositories/app/_manifests/tags/lost/current/link"
    links.write_text("sha256:" + "0" * 64)
    ended = call("ls", docker_registry.url, "-r", "app", "--digest")
    assert ended.lines == [f"app:kept@{built.digest}"]
    assert call("ls", docker_registry.url).lines == ["app:kept", "app:lost"]


def test_a_registry_that_is_down_is_one_sentence() -> None:
    ended = call("ls", "http://127.0.0.1:9")
    assert ended.code == 5
    assert ended.out == ""
    assert ended.err.startswith("registry-pipelines: registry 127.0.0.1:9 (http://127.0.0.1:9): could not list")
    assert "Traceback" not in ended.err


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[EmbeddedRegistry]:
    with EmbeddedRegistry(tmp_path / "locked", credentials=("me", "hunter2"), durable=False) as registry:
        push(registry.layout, "app", make_image(), "v1")
        yield registry


def test_a_registry_that_wants_a_password_says_so(locked: EmbeddedRegistry) -> None:
    ended = call("ls", locked.url)
    assert ended.code == 5
    assert "401" in ended.err


def test_the_docker_config_of_the_user_signs_in(locked: EmbeddedRegistry, tmp_path: Path) -> None:
    folder = tmp_path / ".docker"
    folder.mkdir()
    auths = {locked.host: {"username": "me", "password": "hunter2"}}
    (folder / "config.json").write_text(json.dumps({"auths": auths}))
    assert call("ls", locked.url).lines == ["app:v1"]


def test_a_docker_config_that_cannot_be_used_is_told_beside_the_answer(
    locked: EmbeddedRegistry, tmp_path: Path
) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text('{"credsStore": "absent-here"}')
    ended = call("ls", locked.url)
    assert ended.code == 5
    assert "not signed in to" in ended.err
    assert "`docker-credential-absent-here`, which is not on the PATH" in ended.err


def test_a_wrong_password_is_never_shown(
    locked: EmbeddedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "hunter3")
    site = configured(
        tmp_path, f"registries: {{here: {{url: '{locked.url}', credentials: {{username: me, password: {{env: PW}}}}}}}}"
    )
    ended = call("--debug", "--config", site, "ls", "here")
    assert ended.code == 5
    assert "hunter3" not in ended.out + ended.err
    monkeypatch.setenv("PW", "hunter2")
    assert call("--config", site, "ls", "here").lines == ["app:v1"]


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("harbor", "no registry is called `harbor`; configured are: none"),
        ("https://me:hunter2@reg.example.com", "an address holds no user or password"),
        ("ftp://reg.example.com", "this is no address of a registry"),
        ("https://reg.example.com/path", "this is no address of a registry"),
    ],
)
def test_a_name_that_means_no_registry_says_what_to_write(argument: str, words: str) -> None:
    ended = call("ls", argument)
    assert ended.code == 2
    assert words in ended.err
    assert "hunter2" not in ended.err


def test_a_file_that_is_named_and_missing_is_an_error(tmp_path: Path) -> None:
    ended = call("--config", tmp_path / "nowhere.yaml", "ls", "reg.example.com")
    assert ended.code == 2
    assert "registry-pipelines init" in ended.err


def test_repositories_and_tags_are_counted(filled: EmbeddedRegistry) -> None:
    ended = call("count", filled.url, "--json")
    assert json.loads(ended.out) == [{"registry": filled.host, "repositories": 3, "tags": 4}]
    assert "4" in call("count", filled.url).out


def test_a_repository_is_given_while_others_are_still_to_be_read(embedded_registry: EmbeddedRegistry) -> None:
    names = [f"r{number:03}" for number in range(100)]
    for name in names:
        push(embedded_registry.layout, name, make_image(), "v1")
    connection = open_registry(embedded_registry.url, None)
    listed = read_tags(connection, names)
    assert next(listed).repository == "r000"
    assert connection.sent < 60
    assert [one.repository for one in listed] == names[1:]


def test_whoever_stops_reading_stops_the_registry_being_asked(embedded_registry: EmbeddedRegistry) -> None:
    names = [f"r{number:03}" for number in range(100)]
    for name in names:
        push(embedded_registry.layout, name, make_image(), "v1")
    connection = open_registry(embedded_registry.url, None)
    listed = read_tags(connection, names)
    next(listed)
    listed.close()
    sent = connection.sent
    assert len(list(read_tags(connection, names[:1]))) == 1
    assert connection.sent <= sent + 2


def test_a_repository_with_ten_thousand_tags_is_listed_whole(embedded_registry: EmbeddedRegistry) -> None:
    built = make_image()
    push(embedded_registry.layout, "many", built, "t00000")
    for number in range(1, 10_000):
        embedded_registry.layout.put_manifest("many", built.manifest_bytes, built.media_type, tag=f"t{number:05}")
    ended = call("ls", embedded_registry.url)
    assert len(ended.lines) == 10_000
    assert ended.lines[-1] == "many:t09999"
