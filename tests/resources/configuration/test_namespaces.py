"""Environments of namespaces: whole names, first match, never a part of a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_core.errors import ConfigError
from resources.configuration.load import load_site
from resources.configuration.settings import Site

SITE = """
clusters:
  main:
    dump: dumps/main
    namespaces: {staging-*: staging, prod: production, "*-lab": testing, staging-lab: production}
  small: {dump: dumps/small, environment: staging}
"""


def site(folder: Path, text: str = SITE) -> Site:
    path = folder / "registry_pipelines.yaml"
    path.write_text(text)
    return load_site(path).site


@pytest.mark.parametrize(
    ("cluster", "namespace", "environment"),
    [
        ("main", "shop", "production"),  # the cluster's own
        ("main", "staging-shop", "staging"),
        ("main", "prod", "production"),
        ("main", "nonprod-lab", "testing"),
        ("main", "staging-lab", "staging"),  # the first glob that matches decides
        ("small", "production", "staging"),  # a name decides nothing by itself
        ("elsewhere", "shop", "unknown"),
    ],
)
def test_a_namespace_has_the_environment_of_its_first_glob_else_of_its_cluster(
    tmp_path: Path, cluster: str, namespace: str, environment: str
) -> None:
    assert site(tmp_path).environment_of(cluster, namespace) == environment


def test_prod_does_not_match_nonprod(tmp_path: Path) -> None:
    text = "clusters: {main: {dump: d, environment: testing, namespaces: {prod: production}}}"
    assert site(tmp_path, text).environment_of("main", "nonprod") == "testing"


def test_a_glob_that_no_namespace_can_match_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="namespaces"):
        site(tmp_path, "clusters: {main: {dump: d, namespaces: {Staging_*: staging}}}")


def test_a_token_of_the_web_service_is_named_never_written(tmp_path: Path) -> None:
    assert site(tmp_path, "web: {token: {env: WEB_TOKEN}}").web.token is not None
    with pytest.raises(ConfigError, match="never the secret") as caught:
        site(tmp_path, "web: {token: hunter2}")
    assert "hunter2" not in str(caught.value)
