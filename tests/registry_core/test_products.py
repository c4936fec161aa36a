"""Products: one name for what lies in several registries."""

from __future__ import annotations

import pandas as pd
import pytest

from registry_core.products import Choice, ProductNames
from registry_core.registry_directory import RegistryDirectory

HOSTS = RegistryDirectory({"ghcr.io": ("ghcr.io",), "harbor": ("harbor.example.com", "harbor.internal:8443")})


@pytest.mark.parametrize(
    ("host", "repository", "product"),
    [
        ("ghcr.io", "acme/health/web", "health/web"),
        ("harbor.example.com", "health/web", "health/web"),
        ("harbor.internal:8443", "health/web", "health/web"),
        ("GHCR.io", "acme/health/web", "health/web"),
        ("ghcr.io:443", "acme/health/web", "health/web"),
        ("ghcr.io", "acme-labs/web", "ghcr.io/acme-labs/web"),
        ("harbor.example.com", "old-web", "health/web"),
        ("harbor.example.com", "old-web-2", "old-web-2"),
        ("docker.io", "library/nginx", "docker.io/library/nginx"),
    ],
)
def test_the_longest_place_that_fits_names_the_product(host: str, repository: str, product: str) -> None:
    rules = {"ghcr.io/acme/": "", "harbor/": "", "harbor.example.com/old-web": "health/web"}
    assert ProductNames(HOSTS, rules).product_of(host, repository) == product


def test_a_folder_may_be_mapped_to_another_one() -> None:
    names = ProductNames(HOSTS, {"ghcr.io/acme/": "shop/"})
    assert names.product_of("ghcr.io", "acme/cart") == "shop/cart"


def test_one_registry_needs_no_name_before_its_repositories() -> None:
    one = ProductNames(RegistryDirectory({"harbor": ("harbor.example.com",)}))
    assert one.product_of("harbor.example.com", "web") == "web"
    assert ProductNames(HOSTS).product_of("harbor.example.com", "web") == "harbor/web"


def test_prefixes_globs_and_blocks_choose_together() -> None:
    choice = Choice(prefixes=("health/", "shop/"), allow=("*/*",), block=("*/test-*",))
    assert [name for name in ("health/web", "health/a/b", "ops/cron", "shop/test-1") if choice.chooses(name)] == [
        "health/web"
    ]


def test_a_text_that_is_no_glob_is_refused() -> None:
    with pytest.raises(ValueError, match="holds ':'"):
        Choice(block=("web:latest",))


def test_what_is_not_chosen_has_no_product() -> None:
    names = ProductNames(HOSTS, choice=Choice(block=("harbor/**",)))
    found = names.products_of(pd.Series(["ghcr.io", "harbor.example.com"]), pd.Series(["a", "b"]))
    assert found.tolist() == ["ghcr.io/a", None]
