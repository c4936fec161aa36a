"""Cut-overs in a site's file: what can be written, and what is told of what cannot."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry_core.errors import ConfigError, Refused
from resources.configuration.load import LoadedSite, load_site
from resources.connections import Connections

SITE: dict[str, Any] = {
    "clusters": {
        "production": {"context": "production", "change_context": "production-cutover"},
        "edge": {"server": "https://edge:6443", "token": {"env": "READ"}, "change_token": {"env": "CHANGE"}},
        "dumped": {"dump": "dumps"},
    },
    "registries": {"old": {"url": "https://old.example.com"}, "new": {"url": "https://new.example.com"}},
}


def load(tmp_path: Path, cutover: dict[str, Any], **more: Any) -> LoadedSite:
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump({**SITE, "cutovers": {"move": cutover}, **more}, sort_keys=False))
    return load_site(path)


def problems(tmp_path: Path, cutover: dict[str, Any], **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, cutover, **more)
    return [str(problem) for problem in caught.value.problems]


def test_one_entry_expresses_a_failover(tmp_path: Path) -> None:
    entry = {"clusters": ["production"], "from": "old", "to": "new", "pin": "digest", "max_age": "7d",
             "names": {"prefix": {"": "archive"}}}  # fmt: skip
    failover = load(tmp_path, entry).site.cutovers["move"]
    assert (failover.source, failover.to, failover.pin, failover.max_age) == ("old", "new", "digest", timedelta(days=7))
    assert failover.names.rewriting().rewrite("shop/cart") == "archive/shop/cart"
    assert failover.namespaces == ("*",)


def test_names_that_nothing_has_are_all_told_with_their_lines(tmp_path: Path) -> None:
    told = problems(tmp_path, {"clusters": ["production", "prod"], "from": "old", "to": "gone"})
    assert [line.partition("cutovers.")[2] for line in told] == [
        "move.clusters.1: no cluster is called `prod`; configured are: production, edge, dumped",
        "move.to: no registry is called `gone`; configured are: old, new",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"to": "old"}, "`old` is where the workloads point already"),
        ({"namespaces": ["team-[a-z]"]}, "holds '['"),
        ({"clusters": []}, "the list is too short"),
        ({"form": "old"}, "did you mean `from`?"),
        ({"pin": "tags"}, "write 'tag' or 'digest'"),
        ({"pull_secret": {"name": "Pull_Secret"}}, "does not have the form wanted"),
        ({"pull_secret": {"name": "pull"}}, "nobody says which login goes into it"),
        (
            {"pull_secret": {"name": "pull", "credentials": {"token": {"env": "T"}}}},
            "a pull secret holds a user name and a password",
        ),
        ({"names": {"map": {"a": "c", "b": "c"}}}, "would all be called `c`"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_sentence(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    told = problems(tmp_path, {"clusters": ["production"], "from": "old", "to": "new", **change})
    assert said in "\n".join(told)


def test_the_jobs_that_change_workloads_have_a_way_of_their_own(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"clusters": ["production"], "from": "old", "to": "new"})
    connections = Connections(loaded)
    changing = connections.cluster_to_change("production").settings
    assert (changing.context, connections.cluster_connection("production").settings.context) == (
        "production-cutover",
        "production",
    )
    assert str(connections.cluster_to_change("edge").settings.token) == "{env: CHANGE}"
    assert str(connections.cluster_connection("edge").settings.token) == "{env: READ}"
    with pytest.raises(Refused, match="write the changes as files"):
        connections.cluster_to_change("dumped")


def test_a_way_to_change_goes_with_the_way_to_read(tmp_path: Path) -> None:
    clusters = {
        "production": {"in_cluster": True, "change_context": "x"},
        "edge": {"context": "edge", "change_token": {"env": "CHANGE"}},
    }
    connections = Connections(
        load(tmp_path, {"clusters": ["production"], "from": "old", "to": "new"}, clusters=clusters)
    )
    for cluster in clusters:
        with pytest.raises(ConfigError, match=f"clusters.{cluster}: `change_.*` goes with"):
            connections.cluster_to_change(cluster)


def test_one_secret_holds_one_login_for_a_registry(tmp_path: Path) -> None:
    def entry(user: str, **changes: Any) -> dict[str, Any]:
        login = {"username": user, "password": {"env": "PULL_PASSWORD"}}
        return {"clusters": ["production"], "from": "old", "to": "new", "namespaces": ["team-*"],
                "pull_secret": {"name": "pull", "credentials": login}, **changes}  # fmt: skip

    def two(other: dict[str, Any]) -> dict[str, Any]:
        return {"one": entry("a"), "two": other}

    (told,) = problems(tmp_path, {}, cutovers=two(entry("b", namespaces=["team-a"])))
    assert "two.pull_secret.name: `cutovers.one` puts another login for `new` into a secret of this name" in told
    for fine in (entry("a"), entry("b", namespaces=["shop"]), entry("b", clusters=["edge"]),
                 entry("b", to="old", **{"from": "new"})):  # fmt: skip
        assert load(tmp_path, {}, cutovers=two(fine)).site.cutovers
