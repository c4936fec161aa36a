"""Which configured registry, and which repository there, a written reference means."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.references import Reference
from registry_core.registry_directory import Home, RegistryDirectory, RegistryNames, RewrittenPrefix
from registry_core.registry_rows import located, originals, own_rows, owned

SITE = RegistryDirectory(
    {"old": ("registry.example.com", "Registry.Internal:5000"), "harbor": ("harbor.example.com",)},
    (
        RewrittenPrefix("localhost:7439/registry.example.com", "registry.example.com"),
        RewrittenPrefix("harbor.example.com/proxy-hub", "docker.io"),
        RewrittenPrefix("harbor.example.com/proxy-hub/ours", "registry.example.com"),
        RewrittenPrefix("localhost:7439/harbor.example.com", "HARBOR.example.com:443"),
        RewrittenPrefix("mirror.example.com", "registry.example.com"),
    ),
)


def homes(image: str) -> list[str]:
    reference = Reference.parse(image)
    return [
        f"{home.registry or '-'} {home.host}/{home.repository}"
        for home in SITE.homes(reference.registry, reference.repository)
    ]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("registry.example.com/app:1", ["old registry.example.com/app"]),
        ("Registry.Example.com:443/app:1", ["old registry.example.com/app"]),
        ("registry.internal:05000/app", ["old registry.internal:5000/app"]),
        ("registry.example.com:5000/app", ["- registry.example.com:5000/app"]),
        (
            "localhost:7439/registry.example.com/team/app:1",
            ["- localhost:7439/registry.example.com/team/app", "old registry.example.com/team/app"],
        ),
        (
            "127.0.0.1:7439/registry.example.com/app@sha256:" + "a" * 64,
            ["- localhost:7439/registry.example.com/app", "old registry.example.com/app"],
        ),
        ("localhost:7439/registry.example.community/app", ["- localhost:7439/registry.example.community/app"]),
        ("localhost:7439/registry.example.com", ["- localhost:7439/registry.example.com"]),
        (
            "harbor.example.com/proxy-hub/library/redis:7",
            ["harbor harbor.example.com/proxy-hub/library/redis", "- docker.io/library/redis"],
        ),
        (
            "harbor.example.com/proxy-hub/redis:7",
            ["harbor harbor.example.com/proxy-hub/redis", "- docker.io/library/redis"],
        ),
        (
            "harbor.example.com/proxy-hub/ours/app",
            ["harbor harbor.example.com/proxy-hub/ours/app", "old registry.example.com/app"],
        ),
        ("harbor.example.com/proxy-hubs/redis", ["harbor harbor.example.com/proxy-hubs/redis"]),
        (
            "localhost:7439/harbor.example.com/proxy-hub/redis",
            [
                "- localhost:7439/harbor.example.com/proxy-hub/redis",
                "harbor harbor.example.com/proxy-hub/redis",
                "- docker.io/library/redis",
            ],
        ),
        ("mirror.example.com/app", ["- mirror.example.com/app", "old registry.example.com/app"]),
        ("registry-1.docker.io/redis:7", ["- docker.io/library/redis"]),
        ("index.docker.io/redis:7", ["- docker.io/library/redis"]),
        ("redis", ["- docker.io/library/redis"]),
    ],
)
def test_a_name_has_the_home_that_is_written_and_its_originals(image: str, expected: list[str]) -> None:
    assert homes(image) == expected


@given(st.data())
def test_every_spelling_of_a_host_means_the_same_registry(data: st.DataObject) -> None:
    home = data.draw(st.sampled_from(["registry.example.com", "harbor.example.com", "mirror.example.com"]))
    written = "".join(data.draw(st.sampled_from([letter, letter.upper()])) for letter in home)
    written += data.draw(st.sampled_from(["", ".", ":443", ":0443", ".:443", ":"]))
    path = data.draw(st.sampled_from(["app", "team/app", "proxy-hub/library/redis", "proxy-hub/ours/app"]))
    assert SITE.homes(written, path) == SITE.homes(home, path)


def test_rewritings_that_close_a_circle_end() -> None:
    circle = RegistryDirectory({}, (RewrittenPrefix("a.io", "b.io"), RewrittenPrefix("b.io", "a.io")))
    assert circle.homes("a.io", "x") == (Home(None, "a.io", "x"), Home(None, "b.io", "x"))
    grows = RegistryDirectory({}, (RewrittenPrefix("a.io", "a.io"),))
    assert grows.homes("a.io", "x") == (Home(None, "a.io", "x"),)


def test_a_report_shows_the_original_that_is_configured() -> None:
    assert SITE.original("localhost:7439", "registry.example.com/app").registry == "old"
    assert SITE.original("harbor.example.com", "proxy-hub/library/redis").registry == "harbor"
    with_hub = RegistryDirectory({**SITE.hosts, "hub": ("docker.io",)}, SITE.rewritten)
    assert with_hub.original("harbor.example.com", "proxy-hub/library/redis") == Home(
        "hub", "docker.io", "library/redis"
    )
    assert SITE.original("ghcr.io", "acme/app") == Home(None, "ghcr.io", "acme/app")


def test_a_report_shows_the_last_original_where_none_is_configured() -> None:
    nowhere = RegistryDirectory({}, (RewrittenPrefix("proxy.example.com/hub", "Docker.io:443"),))
    assert nowhere.original("proxy.example.com", "hub/redis") == Home(None, "docker.io", "library/redis")


def test_a_host_that_two_registries_claim_is_the_first_ones() -> None:
    assert RegistryDirectory({"one": ("r.io",), "two": ("R.io:443",)}).registry_of("r.io") == "one"


def test_a_host_with_an_underscore_is_read_from_the_repository() -> None:
    reference = Reference.parse("my_host.io/app:1")
    assert RegistryNames.of_hosts("odd", "my_host.io").repositories(reference.registry, reference.repository) == (
        "app",
    )


def test_rows_are_found_under_every_name_and_once_for_each_repository_here() -> None:
    twice = RegistryDirectory(
        {"harbor": ("harbor.example.com",)}, (RewrittenPrefix("harbor.example.com/proxy", "harbor.example.com"),)
    )
    rows = pd.DataFrame(
        {
            "registry": ["Harbor.example.com", "harbor.example.com:443", "ghcr.io", None, "harbor.example.com"],
            "repository": ["app", "proxy/team/app", "app", None, None],
            "tag": ["1", "2", "3", None, None],
        },
        index=[7, 7, 9, 1, 0],
    ).astype(object)
    names = twice.names_of("harbor")
    found = located(rows, names)
    assert found["ours"].tolist() == [True, True, True, False, False, True]
    assert found["tag"].tolist()[:4] == ["1", "2", "2", "3"]
    assert found["repository"].where(found["repository"].notna(), None).tolist() == [
        "app", "proxy/team/app", "team/app", "app", None, None,
    ]  # fmt: skip
    assert owned(rows, names).tolist() == [True, True, False, False, True]
    assert len(own_rows(rows, names)) == 4
    assert located(rows.iloc[:0], names).empty


def test_rows_for_a_report_are_rewritten_in_their_order() -> None:
    rows = pd.DataFrame(
        {
            "registry": ["localhost:7439", "GHCR.io", "localhost:7439"],
            "repository": ["registry.example.com/b", "a", "registry.example.com/b"],
        },
        index=[3, 5, 4],
    )
    found = originals(rows, SITE)
    assert found.index.tolist() == [3, 5, 4]
    assert found.to_dict("list") == {
        "registry": ["old", "ghcr.io", "old"],
        "host": ["registry.example.com", "ghcr.io", "registry.example.com"],
        "repository": ["b", "a", "b"],
    }
    assert originals(rows.iloc[:0], SITE).empty
