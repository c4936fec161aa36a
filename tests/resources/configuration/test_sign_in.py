"""From the name of a secret to a credential: every source, what is missing told, nothing ever shown."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from registry_core.errors import ConfigError
from resources.configuration import credential_helpers
from resources.configuration.credential_settings import Credentials
from resources.configuration.docker_config import parse_docker_config
from resources.configuration.load import load_site
from resources.configuration.registry_settings import RegistrySettings
from resources.configuration.secrets import SecretName, read_secret
from resources.configuration.sign_in import login_of, sign_in, sign_in_to, user_login
from resources.registry.sign_in.login import BearerToken, IdentityToken, Login


def docker_config(folder: Path, document: object) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(document))
    return path


def helper(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """Put `docker-credential-NAME` on the PATH."""
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def credentials(**settings: object) -> Credentials:
    return Credentials.model_validate(settings)


def test_no_settings_mean_no_sign_in() -> None:
    assert sign_in(None, "r.example") is None


def test_a_password_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "hunter2")
    found = sign_in(credentials(username="u", password={"env": "PW"}), "r.example")
    assert found == Login("u", "hunter2")
    assert "hunter2" not in f"{found!r}{found}"


def test_a_token_comes_from_a_file_without_its_last_newline(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(" hunter2 \n\n")
    found = sign_in(credentials(token={"file": str(tmp_path / "token")}), "r.example")
    assert found == BearerToken(" hunter2 \n")
    assert "hunter2" not in f"{found!r}{found}"


def test_a_relative_file_starts_at_the_folder_given(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("x\n")
    assert read_secret(SecretName(env=None, file="pw"), tmp_path) == "x"


def test_a_secret_that_is_not_there_names_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PW", raising=False)
    with pytest.raises(ConfigError, match="the environment variable PW is not set"):
        read_secret(SecretName(env="PW", file=None))
    monkeypatch.setenv("PW", "")
    with pytest.raises(ConfigError, match="PW is empty"):
        read_secret(SecretName(env="PW", file=None))
    with pytest.raises(ConfigError, match="nowhere does not exist"):
        read_secret(SecretName(env=None, file=str(tmp_path / "nowhere")))
    with pytest.raises(ConfigError, match="is a folder"):
        read_secret(SecretName(env=None, file=str(tmp_path)))
    (tmp_path / "binary").write_bytes(b"hunter2\xff")
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        read_secret(SecretName(env=None, file=str(tmp_path / "binary")))
    assert "hunter2" not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_a_docker_config_without_this_host_says_which_it_has(tmp_path: Path) -> None:
    path = docker_config(tmp_path, {"auths": {"other.example": {"auth": "dTpw"}}})
    with pytest.raises(ConfigError, match=r"no login for r\.example \(it has: other\.example\)"):
        sign_in(credentials(docker_config=str(path)), "r.example")


def test_a_broken_entry_is_told_and_not_taken_for_no_login(tmp_path: Path) -> None:
    path = docker_config(tmp_path, {"auths": {"r.example": {"auth": "!!!"}}})
    with pytest.raises(ConfigError, match="not base64 of `user:password`"):
        sign_in(credentials(docker_config=str(path)), "r.example")


def test_a_login_for_a_part_of_a_host_is_used_where_it_is_the_only_one(tmp_path: Path) -> None:
    one = {"auths": {"r.example/a": {"username": "a", "password": "1"}}}
    path = docker_config(tmp_path, one)
    assert sign_in(credentials(docker_config=str(path)), "r.example") == Login("a", "1")
    one["auths"]["r.example/b"] = {"username": "b", "password": "2"}
    path = docker_config(tmp_path, one)
    with pytest.raises(ConfigError, match="several logins for parts of"):
        sign_in(credentials(docker_config=str(path)), "r.example")
    assert sign_in(credentials(docker_config=str(path)), "r.example", repository="b/x") == Login("b", "2")


def test_a_docker_config_may_know_a_registry_by_any_of_its_names(tmp_path: Path) -> None:
    path = docker_config(tmp_path, {"auths": {"internal.example:8443": {"auth": "dTpw"}}})
    settings = {"url": "https://internal.example:8443", "hosts": ["reg.example"]}
    registry = RegistrySettings.model_validate({**settings, "credentials": {"docker_config": str(path)}})
    assert sign_in_to(registry) == Login("u", "p")


def test_a_mounted_secret_that_was_rotated_is_read_anew(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pw").write_text(name)
    (tmp_path / "..data").symlink_to("first")
    (tmp_path / "pw").symlink_to("..data/pw")
    (tmp_path / "site.yaml").write_text("database: {password: {file: pw}}")
    password = load_site(tmp_path / "site.yaml").site.database.password
    assert password is not None
    assert read_secret(password) == "first"
    (tmp_path / "..data").unlink()
    (tmp_path / "..data").symlink_to("second")
    assert read_secret(password) == "second"


def test_a_helper_is_asked_as_docker_asks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(
        tmp_path,
        monkeypatch,
        "one",
        'read server; [ "$1" = get ] && echo "{\\"Username\\": \\"u\\", \\"Secret\\": \\"of $server\\"}"',
    )
    path = docker_config(tmp_path, {"credHelpers": {"r.example": "one"}, "credsStore": "absent"})
    assert sign_in(credentials(docker_config=str(path)), "r.example") == Login("u", "of r.example")


def test_a_helper_is_asked_for_docker_hub_by_its_old_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(tmp_path, monkeypatch, "hub", 'read s; echo "{\\"Username\\": \\"<token>\\", \\"Secret\\": \\"$s\\"}"')
    path = docker_config(tmp_path, {"auths": {"https://index.docker.io/v1/": {}}, "credsStore": "hub"})
    found = sign_in(credentials(docker_config=str(path)), "registry-1.docker.io")
    assert found == IdentityToken("https://index.docker.io/v1/")


def test_a_helper_that_holds_nothing_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(tmp_path, monkeypatch, "empty", "echo credentials not found in native keychain; exit 1")
    path = docker_config(tmp_path, {"auths": {"r.example": {"auth": "dTpw"}}, "credsStore": "empty"})
    assert sign_in(credentials(docker_config=str(path)), "r.example") == Login("u", "p")
    with pytest.raises(ConfigError, match=r"no login for s\.example"):
        sign_in(credentials(docker_config=str(path)), "s.example")


def test_a_missing_helper_is_one_sentence(tmp_path: Path) -> None:
    path = docker_config(tmp_path, {"auths": {"r.example": {}}, "credsStore": "absent-one"})
    with pytest.raises(ConfigError, match="`docker-credential-absent-one`, which is not on the PATH; install it"):
        sign_in(credentials(docker_config=str(path)), "r.example")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo hunter2; exit 3", r"failed for r\.example \(exit 3\)"),
        ("echo hunter2", "answered for r.example, but not with a login"),
        ('echo \'{"Username": 5, "Secret": "hunter2"}\'', "not with a login"),
    ],
)
def test_what_a_helper_prints_is_never_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    helper(tmp_path, monkeypatch, "bad", script)
    path = docker_config(tmp_path, {"credHelpers": {"r.example": "bad"}})
    with pytest.raises(ConfigError, match=words) as caught:
        sign_in(credentials(docker_config=str(path)), "r.example")
    assert "hunter2" not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_a_helper_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper(tmp_path, monkeypatch, "slow", "echo hunter2; exec sleep 60")
    begun = time.monotonic()
    with pytest.raises(ConfigError, match=r"did not answer for r\.example within 0\.3 s") as caught:
        credential_helpers.ask_helper("slow", "r.example", place="x", patience_seconds=0.3)
    assert time.monotonic() - begun < 10
    assert caught.value.__cause__ is None


def test_the_name_of_a_helper_is_no_path() -> None:
    with pytest.raises(ConfigError, match="letters, digits"):
        credential_helpers.ask_helper("../../bin/sh", "r.example", place="x")


SECRET = json.dumps({"r.example": {"auth": "dTpw"}}).encode()


def reader(kind: str, data: Mapping[str, bytes]) -> Callable[[str, str, str], tuple[str, Mapping[str, bytes]]]:
    def read(cluster: str, namespace: str, name: str) -> tuple[str, Mapping[str, bytes]]:
        assert (cluster, namespace, name) == ("prod", "platform", "pull")
        return kind, data

    return read


PULL = credentials(kubernetes_secret="platform/pull", cluster="prod")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("kubernetes.io/dockercfg", {".dockercfg": SECRET}),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": b'{"auths": ' + SECRET + b"}"}),
    ],
)
def test_both_kinds_of_pull_secret_are_read(kind: str, data: dict[str, bytes]) -> None:
    assert sign_in(PULL, "r.example", read_kubernetes_secret=reader(kind, data)) == Login("u", "p")


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("Opaque", {"x": b"hunter2"}, "its type is `Opaque`"),
        ("kubernetes.io/dockercfg", {}, r"lacks the key `\.dockercfg`"),
        ("kubernetes.io/dockercfg", {".dockercfg": b"hunter2"}, "not JSON"),
    ],
)
def test_a_secret_that_is_no_pull_secret_is_told(kind: str, data: dict[str, bytes], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        sign_in(PULL, "r.example", read_kubernetes_secret=reader(kind, data))
    assert "secret platform/pull of cluster prod" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_pull_secret_never_runs_a_helper() -> None:
    data = {".dockerconfigjson": b'{"credsStore": "absent", "auths": ' + SECRET + b"}"}
    read = reader("kubernetes.io/dockerconfigjson", data)
    assert sign_in(PULL, "r.example", read_kubernetes_secret=read) == Login("u", "p")


def test_a_user_is_signed_in_by_docker_or_podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    podman = tmp_path / "containers"
    podman.mkdir()
    (podman / "auth.json").write_text(json.dumps({"auths": {"p.example": {"auth": "dTpw"}}}))
    docker_config(tmp_path, {"auths": {"d.example": {"auth": "dTpw"}}})
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert user_login("d.example") == user_login("p.example") == Login("u", "p")
    assert user_login("nobody.example") is None


def test_what_was_written_before_the_store_was_set_is_still_used(tmp_path: Path) -> None:
    content = json.dumps({"auths": {"r.example": {"auth": "dTpw"}}, "credsStore": "absent"}).encode()
    assert login_of(parse_docker_config(content, place="x"), "r.example") == Login("u", "p")
