"""Digests, and the tags that are named after one."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.digests import (
    digest_of,
    fallback_tag,
    is_content_address,
    is_digest,
    subject_of_tag,
    verify,
    why_not_digest,
)
from registry_core.reference_grammar import is_tag

HEX = "0d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b31"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (f"sha256:{HEX}", None),
        (f"sha384:{HEX}{HEX[:32]}", None),
        (f"sha512:{HEX}{HEX}", None),
        (f"sha256:{HEX}\n", "invalid checksum digest length"),
        (f"sha256:{HEX.upper()}", "invalid checksum digest format"),
        (f"sha256:{HEX[:63]}", "invalid checksum digest length"),
        (f"sha512:{HEX}", "invalid checksum digest length"),
        (f"md5:{HEX[:32]}", "unsupported digest algorithm"),
        (HEX, "invalid checksum digest format"),
        ("sha256:", "invalid checksum digest format"),
        (":", "invalid checksum digest format"),
        ("", "invalid checksum digest format"),
    ],
)
def test_a_digest_is_an_algorithm_and_its_number_of_lower_case_hex(text: str, rule: str | None) -> None:
    assert why_not_digest(text) == rule
    assert is_digest(text) is (rule is None)


def test_a_body_is_proven_by_its_own_digest_only() -> None:
    body = b'{"schemaVersion":2}'
    for algorithm in ("sha256", "sha384", "sha512"):
        digest = digest_of(body, algorithm)
        assert digest == f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"
        assert verify(body, digest)
        assert not verify(body + b" ", digest)
        assert not verify(body, digest.upper())
    assert not verify(body, "md5:" + hashlib.md5(body).hexdigest())
    assert not verify(body, "")


def test_an_algorithm_that_no_runtime_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="use one of sha256"):
        digest_of(b"", "md5")


def test_the_fallback_tag_is_cut_at_64_characters() -> None:
    assert fallback_tag(f"sha256:{HEX}") == f"sha256-{HEX}"
    assert fallback_tag(f"sha512:{HEX}{HEX[::-1]}") == f"sha512-{HEX}"


@pytest.mark.parametrize("suffix", ["", ".sig", ".att", ".sbom"])
def test_a_tag_named_after_a_digest_leads_back_to_it(suffix: str) -> None:
    assert subject_of_tag(f"sha256-{HEX}{suffix}") == (f"sha256:{HEX}", suffix)


@pytest.mark.parametrize(
    "tag", ["latest", f"sha256-{HEX[:63]}", f"sha256-{HEX}.txt", f"sha256-{HEX}.sig.old", f"sha512-{HEX}", f"v{HEX}"]
)
def test_any_other_tag_is_about_itself(tag: str) -> None:
    assert subject_of_tag(tag) is None


@given(st.binary(max_size=100))
def test_every_fallback_tag_is_a_tag_and_leads_back(body: bytes) -> None:
    digest = digest_of(body)
    assert is_digest(digest)
    assert is_content_address(digest)
    assert is_tag(fallback_tag(digest))
    assert subject_of_tag(fallback_tag(digest)) == (digest, "")
    assert is_tag(fallback_tag(digest_of(body, "sha512")))


@pytest.mark.parametrize("text", ["../../x", "sha256:../x", "sha256", "sha256:a b", "SHA256:aa", "a:b/c", ""])
def test_what_could_lead_a_url_astray_is_no_content_address(text: str) -> None:
    assert not is_content_address(text)
