"""When two written hosts are one registry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.registry_identity import (
    host_identity,
    is_docker_hub,
    is_loopback,
    most_similar,
    same_host,
    same_registry,
    url_host,
    url_identity,
)

ONE_REGISTRY = [
    ("registry.example.com", "Registry.Example.com"),
    ("registry.example.com", "registry.example.com:443"),
    ("registry.example.com", "REGISTRY.example.com:0443"),
    ("registry.example.com", "registry.example.com."),
    ("registry.example.com:5000", "registry.example.com.:05000"),
    ("registry.example.com", "registry.example.com:"),
    ("registry.example.com", " registry.example.com "),
    ("docker.io", "index.docker.io"),
    ("docker.io", "Registry-1.Docker.io:443"),
    ("docker.io", "registry.hub.docker.com"),
    ("localhost:5000", "127.0.0.1:5000"),
    ("localhost:5000", "[::1]:5000"),
    ("[2001:db8::1]:5000", "[2001:0DB8:0:0:0:0:0:1]:5000"),
]

TWO_REGISTRIES = [
    ("registry.example.com", "registry.example.com:5000"),
    ("registry.example.com", "registry.example.com:80"),
    ("registry.example.com", "registry-example.com"),
    ("registry.example.com", "example.com"),
    ("docker.io", "docker.io:5000"),
    ("docker.io:5000", "index.docker.io:5000"),
    ("a:b:443", "a:b"),
    ("docker.io", "mydocker.io"),
    ("localhost:5000", "localhost:5001"),
    ("127.0.0.1:5000", "127.0.0.2:5000"),
    ("[2001:db8::1]", "[2001:db8::2]"),
    ("[2001:db8::1]:5000", "[2001:db8::1:5000]"),
]


@pytest.mark.parametrize(("one", "other"), ONE_REGISTRY)
def test_spellings_of_one_registry_are_one(one: str, other: str) -> None:
    assert same_host(one, other)
    assert host_identity(other) == host_identity(one)


@pytest.mark.parametrize(("one", "other"), TWO_REGISTRIES)
def test_other_registries_are_others(one: str, other: str) -> None:
    assert not same_host(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://ghcr.io", "https://GHCR.IO/"),
        ("https://ghcr.io", "https://ghcr.io:443"),
        ("http://registry.example.com", "http://Registry.example.com:80/"),
        ("http://registry.example.com", "https://registry.example.com"),
        ("https://registry-1.docker.io", "https://index.docker.io/"),
        ("http://localhost:5000", "http://127.0.0.1:5000/"),
        ("https://registry.example.com", "https://user:secret@registry.example.com"),
    ],
)
def test_addresses_of_one_registry_are_one(one: str, other: str) -> None:
    assert same_registry(one, other)


def test_the_default_port_of_http_says_something_in_a_reference() -> None:
    assert not same_registry("https://registry.example.com", "https://registry.example.com:80")
    assert url_host("http://Registry.example.com:80/") == url_host("https://registry.example.com.:443")
    assert url_host("http://registry.example.com:443") == "registry.example.com:443"
    assert url_host("https://index.docker.io") == "index.docker.io"


@pytest.mark.parametrize("text", ["", ":", "[", "]:", "[::1", "::1", "a:b:c", "host:port", "host:٤٤٣", "http://[::1/x"])
def test_what_is_no_host_equals_only_itself(text: str) -> None:
    assert host_identity(text) == host_identity(text.upper())
    assert host_identity(text) not in {host_identity(one) for pair in ONE_REGISTRY for one in pair}
    url_identity(text)


@given(st.text(max_size=40))
def test_an_identity_is_its_own_identity(text: str) -> None:
    once = host_identity(text)
    assert host_identity(once) == once
    url_identity(text)


def test_docker_hub_and_the_own_machine_are_known_in_any_spelling() -> None:
    assert is_docker_hub("INDEX.docker.io:443")
    assert not is_docker_hub("docker.io.example.com")
    assert is_loopback("[::1]:7439")
    assert is_loopback("LocalHost")
    assert not is_loopback("localhost.example.com")


def test_the_most_similar_hosts_come_first() -> None:
    seen = ["ghcr.io", "Registry.example.com:443", "registry.example.org", "registry.example.com"]
    assert most_similar("registry.exmaple.com", seen) == ["registry.example.com", "registry.example.org"]
    assert most_similar("zzz", seen) == []
