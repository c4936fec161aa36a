"""Platforms are compared as containerd compares them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.platforms import Platform, serves


@pytest.mark.parametrize("text", ["linux/amd64", "linux/arm64/v8", "windows/amd64", "unknown/unknown"])
def test_a_platform_is_printed_as_it_was_read(text: str) -> None:
    assert str(Platform.parse(text)) == text


@pytest.mark.parametrize("text", ["", "linux", "linux/", "linux/arm/v7/x", "linux/arm 64", "a//b"])
def test_a_text_that_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a platform"):
        Platform.parse(text)
    assert not serves(text, "linux/amd64")
    assert not serves("linux/amd64", text)


@pytest.mark.parametrize(
    ("written", "normalized"),
    [
        ("linux/arm64/v8", "linux/arm64"),
        ("Linux/aarch64", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/x86-64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v2", "linux/amd64/v2"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/7", "linux/arm/v7"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/i386/v3", "linux/386"),
        ("macos/arm64", "darwin/arm64"),
    ],
)
def test_equal_platforms_have_one_spelling(written: str, normalized: str) -> None:
    assert str(Platform.parse(written).normalized()) == normalized


@pytest.mark.parametrize(
    ("manifest", "node", "expected"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/amd64", "linux/x86_64", True),
        ("linux/amd64/v1", "linux/amd64", True),
        ("linux/amd64/v3", "linux/amd64", False),
        ("linux/amd64/v2", "linux/amd64/v3", True),
        ("linux/amd64", "linux/amd64/v3", True),
        ("linux/386", "linux/amd64", True),
        ("linux/amd64", "linux/386", False),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm/v7", "linux/arm64", True),
        ("linux/arm/v5", "linux/arm64", True),
        ("linux/arm64/v8.4", "linux/arm64/v9.0", True),
        ("linux/arm64/v9", "linux/arm64/v9.2", True),
        ("linux/arm64/v9.2", "linux/arm64/v8.6", False),
        ("linux/arm64", "linux/arm/v7", False),
        ("linux/arm/v6", "linux/arm", True),
        ("linux/arm/v8", "linux/arm/v7", False),
        ("linux/amd64", "windows/amd64", False),
        ("linux/s390x", "linux/s390x", True),
        ("unknown/unknown", "linux/amd64", False),
        ("unknown/unknown", "unknown/unknown", False),
    ],
)
def test_a_node_runs_what_containerd_would_choose_for_it(manifest: str, node: str, expected: bool) -> None:
    assert serves(manifest, node) is expected
    assert serves(Platform.parse(manifest), Platform.parse(node)) is expected


PLATFORMS = st.builds(
    Platform,
    st.sampled_from(["linux", "windows"]),
    st.sampled_from(["amd64", "x86_64", "386", "i386", "arm", "armhf", "armel", "arm64", "aarch64", "riscv64"]),
    st.sampled_from(["", "v1", "v2", "v3", "v5", "v6", "7", "v7", "8", "v8", "v8.2", "v9", "v9.1", "odd", "v99"]),
)


@given(PLATFORMS)
def test_every_node_runs_its_own_platform_and_normalizing_twice_changes_nothing(platform: Platform) -> None:
    assert serves(platform, platform)
    assert platform.normalized().normalized() == platform.normalized()
    assert serves(platform.normalized(), platform)


@given(PLATFORMS, PLATFORMS, PLATFORMS)
def test_what_runs_on_an_older_processor_runs_on_a_newer_one(a: Platform, b: Platform, c: Platform) -> None:
    if serves(a, b) and serves(b, c):
        assert serves(a, c)
