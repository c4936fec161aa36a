"""Ways to a cluster: each works as for kubectl, and each that does not says what to do."""

from __future__ import annotations

import os
import shutil
import ssl
import stat
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import incluster_config

from registry_core.errors import ClusterError
from resources.clusters import ClusterSource, open_cluster, whole_inventory
from resources.clusters.api import Patience
from resources.clusters.connection import Connection
from resources.clusters.dump import DUMP_NODES, DUMP_WORKLOADS
from resources.clusters.kubernetes_secrets import read_kubernetes_secret
from resources.configuration.settings import ClusterSettings
from tests.resources.clusters.api_server import TOKEN, ApiServer, Cluster
from tests.resources.clusters.conftest import no_secret, write_kubeconfig

NEEDS_OPENSSL = pytest.mark.skipif(not shutil.which("openssl"), reason="install openssl to run this")


def opened(*, resolve: Any = no_secret, **settings: Any) -> ClusterSource:
    patience = Patience(tries=2, connect=timedelta(seconds=2), pause=lambda _: None)
    return open_cluster("production", ClusterSettings(**settings), resolve=resolve, patience=patience)


def error_of(source: ClusterSource) -> ClusterError:
    with pytest.raises(ClusterError) as caught:
        whole_inventory(source)
    return caught.value


def test_a_context_that_does_not_exist_says_which_do(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:1")
    error = error_of(opened(context="prod", kubeconfig=str(path)))
    assert f"context prod of {path}" in str(error)
    assert "there is no context prod in it; it has: production" in str(error)


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = error_of(opened(context="production", kubeconfig=str(tmp_path / "none")))
    assert str(tmp_path / "none") in str(error)
    assert "there is no such file" in str(error)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("contexts: [\n  token: s3cret", "it is not YAML"),
        ("", "file is empty"),
        ("just a text", "it is not a kubeconfig that we understand"),
        ("[1, 2]", "it is not a kubeconfig that we understand"),
        ("contexts: [{name: production, context: {cluster: gone, user: u}}]", "gone"),
    ],
)
def test_a_broken_kubeconfig_is_told_without_showing_it(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    error = error_of(opened(context="production", kubeconfig=str(path)))
    assert words in str(error)
    assert "s3cret" not in str(error)


def test_kubeconfig_of_the_environment_is_read_when_it_is_needed(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = opened(context="production")
    first = write_kubeconfig(tmp_path / "first", "http://127.0.0.1:1")
    first.write_text(first.read_text().replace("production", "another"))
    second = write_kubeconfig(tmp_path / "second", server.url)
    second.write_text(second.read_text().replace("name: c\n", "name: c2\n").replace("cluster: c\n", "cluster: c2\n"))
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(first), str(second)]))
    assert whole_inventory(source)[1].complete


def test_a_server_with_a_token_is_asked_with_the_resolved_secret(server: ApiServer) -> None:
    named: list[str] = []

    def resolve(name: object) -> str:
        named.append(str(name))
        return TOKEN

    source = opened(server=server.url, token={"env": "CLUSTER_TOKEN"}, resolve=resolve)
    assert named == []
    assert whole_inventory(source)[1].complete
    assert named == ["{env: CLUSTER_TOKEN}"]


def test_a_refused_token_names_where_it_came_from_and_never_the_token(server: ApiServer) -> None:
    error = error_of(opened(server=server.url, token={"env": "CLUSTER_TOKEN"}, resolve=lambda _: "s3cret"))
    assert "renew the token in {env: CLUSTER_TOKEN}" in str(error)
    assert "s3cret" not in f"{error} {error!r} {error.__cause__!r}"


def test_a_server_without_a_scheme_says_what_to_write() -> None:
    error = error_of(opened(server="10.0.0.1:6443", token={"env": "T"}, resolve=lambda _: "x"))
    assert "`server` must begin with `https://`" in str(error)


def test_outside_a_pod_in_cluster_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert "this process is not in one" in str(error_of(opened(in_cluster=True)))


def test_a_server_that_is_down_is_told_in_one_sentence(tmp_path: Path) -> None:
    with ApiServer(Cluster()) as server:
        pass
    path = write_kubeconfig(tmp_path / "kubeconfig", server.url)
    error = error_of(opened(context="production", kubeconfig=str(path)))
    assert "no connection (" in str(error)
    assert "refused" in str(error)
    assert (error.fault, error.retryable) == ("unreachable", True)
    assert type(error.__cause__).__module__ == "urllib3.exceptions"


def test_a_name_that_cannot_be_resolved_is_told(tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", "http://no-such-host.invalid:6443")
    assert "its name cannot be resolved" in str(error_of(opened(context="production", kubeconfig=str(path))))


def test_http_where_https_was_asked_is_told(server: ApiServer, tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", server.url.replace("http:", "https:"))
    assert "it speaks HTTP where HTTPS was asked" in str(error_of(opened(context="production", kubeconfig=str(path))))


def plugin(path: Path, script: str) -> dict[str, Any]:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    api = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": api, "command": str(path), "interactiveMode": "Never"}}


def test_a_sign_in_plugin_gives_the_token(server: ApiServer, tmp_path: Path) -> None:
    answer = (
        '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
        f' "status": {{"token": "{TOKEN}"}}}}'
    )
    user = plugin(tmp_path / "sign-in", f"echo '{answer}'")
    path = write_kubeconfig(tmp_path / "kubeconfig", server.url, user=user)
    assert whole_inventory(opened(context="production", kubeconfig=str(path)))[1].complete


def test_a_sign_in_plugin_that_fails_is_not_taken_for_an_anonymous_visitor(server: ApiServer, tmp_path: Path) -> None:
    user = plugin(tmp_path / "sign-in", "echo 'session expired' >&2; exit 1")
    path = write_kubeconfig(tmp_path / "kubeconfig", server.url, user=user)
    error = error_of(opened(context="production", kubeconfig=str(path)))
    assert f"its sign-in plugin `{tmp_path / 'sign-in'}` gave no credentials" in str(error)
    assert "kubectl --context production get namespaces" in str(error)
    assert server.cluster.requests == []


def test_a_proxy_of_the_environment_is_used_by_its_scheme(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    path = write_kubeconfig(tmp_path / "kubeconfig", server.url)
    monkeypatch.setenv("no_proxy", "")
    error = error_of(opened(context="production", kubeconfig=str(path)))
    assert "the proxy on the way to it does not answer" in str(error)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert whole_inventory(opened(context="production", kubeconfig=str(path)))[1].complete


def test_the_proxy_of_a_kubeconfig_is_used(server: ApiServer, tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", server.url, **{"proxy-url": "http://127.0.0.1:1"})
    error = error_of(opened(context="production", kubeconfig=str(path)))
    assert "the proxy on the way to it does not answer" in str(error)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    path = tmp_path / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(path), "-out", str(path) + ".crt",
         "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


@pytest.fixture
def secure(cluster: Cluster, certificate: Path) -> Iterator[ApiServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{certificate}.crt", certificate)
    with ApiServer(cluster, context) as server:
        yield server


@NEEDS_OPENSSL
def test_a_certificate_that_nobody_vouches_for_is_refused_with_a_way_out(secure: ApiServer, tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", secure.url)
    error = error_of(opened(context="production", kubeconfig=str(path)))
    assert "its certificate is not accepted" in str(error)
    assert "`tls.ca`" in str(error)
    assert secure.cluster.requests == []


@NEEDS_OPENSSL
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_named_authority_is_trusted(secure: ApiServer, certificate: Path, tmp_path: Path) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", secure.url, **{"certificate-authority": f"{certificate}.crt"})
    assert whole_inventory(opened(context="production", kubeconfig=str(path)))[1].complete
    by_token = {"server": secure.url, "token": {"env": "T"}, "resolve": lambda _: TOKEN}
    assert whole_inventory(opened(**by_token, tls={"ca": f"{certificate}.crt"}))[1].complete
    assert whole_inventory(opened(**by_token, tls={"insecure": True}))[1].complete


@NEEDS_OPENSSL
def test_a_pod_of_the_cluster_signs_in_with_its_service_account(
    secure: ApiServer, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", f"{certificate}.crt")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(secure.port))
    assert whole_inventory(opened(in_cluster=True))[1].complete


def test_an_authority_that_is_not_there_is_named(tmp_path: Path) -> None:
    source = opened(
        server="https://127.0.0.1:1", token={"env": "T"}, tls={"ca": str(tmp_path / "ca.pem")}, resolve=lambda _: "x"
    )
    assert f"there is no file {tmp_path / 'ca.pem'} (`tls.ca`)" in str(error_of(source))


def test_the_password_of_an_address_is_not_shown(tmp_path: Path) -> None:
    source = opened(server="https://me:s3cret@127.0.0.1:1", token={"env": "T"}, resolve=lambda _: "x")
    assert source.describe() == "https://127.0.0.1:1"
    assert "s3cret" not in str(error_of(source))


def kubectl(path: Path, *arguments: str) -> str:
    if not shutil.which("kubectl"):
        pytest.skip("install kubectl to run this")
    command = ["kubectl", "--kubeconfig", str(path), "--cache-dir", str(path.parent / "cache"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@NEEDS_OPENSSL
def test_what_kubectl_dumps_gives_the_same_inventory_as_the_live_cluster(
    secure: ApiServer, certificate: Path, tmp_path: Path
) -> None:
    path = write_kubeconfig(tmp_path / "kubeconfig", secure.url, **{"certificate-authority": f"{certificate}.crt"})
    dump = tmp_path / "dump"
    dump.mkdir()
    commands = {
        "workloads.json": DUMP_WORKLOADS,
        "nodes.json": DUMP_NODES,
        "r.json": "kubectl get runnerdeployments -A -o json",
    }
    for name, command in commands.items():
        arguments = command.partition(" >")[0].split()[1:]
        (dump / name).write_text(kubectl(path, *arguments, "--chunk-size=5"))
    live, _ = whole_inventory(opened(context="production", kubeconfig=str(path)))
    dumped, coverage = whole_inventory(opened(dump=str(dump)))
    assert coverage.complete
    assert len(live) == 54
    assert sorted(live, key=repr) == sorted(dumped, key=repr)


def connection_to(server: ApiServer) -> Connection:
    settings = ClusterSettings(server=server.url, token={"env": "T"})
    return Connection("production", settings, lambda _: TOKEN)


def test_a_pull_secret_is_read_decoded(server: ApiServer) -> None:
    path = "/api/v1/namespaces/shop/secrets/pull"
    server.cluster.odd_bodies[path] = {"kind": "Secret", "type": "Opaque", "data": {"a": "czNjcmV0"}}
    assert read_kubernetes_secret(connection_to(server), "shop", "pull") == ("Opaque", {"a": b"s3cret"})


def test_a_broken_pull_secret_is_told_without_its_value(server: ApiServer) -> None:
    path = "/api/v1/namespaces/shop/secrets/pull"
    server.cluster.odd_bodies[path] = {"kind": "Secret", "data": {"a": "s3cret!"}}
    with pytest.raises(ClusterError, match="secret shop/pull holds data that is not base64") as caught:
        read_kubernetes_secret(connection_to(server), "shop", "pull")
    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_pull_secret_that_is_not_there_is_missing(server: ApiServer) -> None:
    with pytest.raises(ClusterError, match="namespaces/shop/secrets/none") as caught:
        read_kubernetes_secret(connection_to(server), "shop", "none")
    assert caught.value.fault == "missing"
