"""References are read as the runtimes read them; the oracle is distribution/reference itself."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.errors import InvalidReference
from registry_core.reference_grammar import is_repository, is_tag, read_written
from registry_core.references import BareDigest, Reference, host_of, parse_any, split_status_image_id

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures"
VECTORS = FIXTURES / "reference_vectors.json"
HEX = "0d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b31"


@pytest.fixture(scope="module")
def oracle() -> dict[str, Any]:
    if not VECTORS.exists():
        pytest.skip("the reference vectors are not beside this checkout (shared/fixtures/reference_vectors.json)")
    return json.loads(VECTORS.read_text())


def expect_error(read: Any, text: str, words: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        read(text)
    assert words in str(caught.value)


def test_the_grammar_agrees_with_the_oracle(oracle: dict[str, Any]) -> None:
    for vector in oracle["vectors"]:
        text, expected = vector["input"], vector["parse"]
        if not expected["ok"]:
            expect_error(read_written, text, expected["error"])
            continue
        written = read_written(text)
        assert (written.host, written.path) == (expected.get("domain", ""), expected["path"]), text
        assert (written.tag, written.digest) == (expected.get("tag"), expected.get("digest")), text


def test_normalized_references_agree_with_the_oracle(oracle: dict[str, Any]) -> None:
    assert len(oracle["vectors"]) > 100
    for vector in oracle["vectors"]:
        text, expected = vector["input"], vector["normalized"]
        if not expected["ok"]:
            expect_error(Reference.parse, text, expected["error"])
            continue
        read = Reference.parse(text)
        assert read == Reference(
            expected.get("domain", ""), expected["path"], expected.get("tag"), expected.get("digest")
        )
        assert str(read) == expected["string"]
        assert read.name == expected["name"]
        assert read.familiar == expected["familiar"]
        assert str(read.with_default_tag()) == expected["with_default_tag"]


def test_digests_and_identifiers_agree_with_the_oracle(oracle: dict[str, Any]) -> None:
    for vector in oracle["vectors"]:
        text, expected = vector["input"], vector["any"]
        if not expected["ok"]:
            expect_error(parse_any, text, expected["error"])
            continue
        read = parse_any(text)
        assert str(read) == expected["string"], text
        assert isinstance(read, BareDigest) == ("path" not in expected), text


def test_what_the_kubelet_refuses_is_refused_in_its_words(oracle: dict[str, Any]) -> None:
    for vector in oracle["kubelet_parse_image_name"]["error"]:
        expect_error(Reference.parse, vector["input"], vector["error_contains"])


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("registry.example.com/Shop/Frontend:2026.03", "(Shop/Frontend) must be lowercase"),
        ("https://registry.example.com/app", "leave out everything up to `://`"),
        ("app:latest ", "white space"),
        ("registry.example.com/app:{{ .Values.tag }}", "white space"),
        ("$(IMAGE)/app", "placeholder"),
        ("app:", "no tag"),
        ("registry.example.com//app", "empty"),
        ("app@sha256", "no digest"),
        ("app@sha256:12", "no digest"),
        ("", "there is no repository"),
        (HEX, "write `@sha256:` before it"),
    ],
)
def test_an_error_says_which_rule_is_broken_and_what_to_write(text: str, advice: str) -> None:
    with pytest.raises(InvalidReference, match=re.escape(advice)):
        Reference.parse(text)


def test_an_error_holds_no_password_and_no_megabyte() -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse("https://robot:s3cret@registry.example.com/app" + "/x" * 500_000)
    assert "s3cret" not in str(caught.value)
    assert len(str(caught.value)) < 1_000


def test_a_newline_at_the_end_is_not_overlooked() -> None:
    for text in ("nginx\n", "nginx:1\n", f"nginx@sha256:{HEX}\n", f"{HEX}\n"):
        with pytest.raises(InvalidReference):
            Reference.parse(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("registry.example.com/Shop/Frontend:2026.03", "registry.example.com"),
        ("registry.example.com:5443/Shop:1", "registry.example.com:5443"),
        ("https://registry.example.com/app:1", "registry.example.com"),
        ("https://robot:s3cret@registry.example.com/app:1", "registry.example.com"),
        ("index.docker.io/library/Nginx", "docker.io"),
        ("[2001:db8::1]:5000/Repo", "[2001:db8::1]:5000"),
        ("my_host.io/app", "my_host.io"),
        ("docker/Docker", "docker.io"),
        ("nginx:1.25 ", "docker.io"),
        ("{{inputs.parameters.image}}", None),
        ("$(REGISTRY)/app:1", None),
        ("", None),
        ("/", "docker.io"),
    ],
)
def test_the_host_of_a_broken_reference_is_still_told(text: str, host: str | None) -> None:
    assert host_of(text) == host


@pytest.mark.parametrize(
    ("image_id", "expected"),
    [
        ("", (None, None)),
        (f"docker-pullable://ghcr.io/org/app@sha256:{HEX}", ("ghcr.io/org/app", f"sha256:{HEX}")),
        (f"docker-pullable://nginx@sha256:{HEX}", ("docker.io/library/nginx", f"sha256:{HEX}")),
        (f"docker://sha256:{HEX}", (None, f"sha256:{HEX}")),
        (f"cri-o://{HEX}", (None, f"sha256:{HEX}")),
        (HEX, (None, f"sha256:{HEX}")),
        (f"sha256:{HEX}", (None, f"sha256:{HEX}")),
        (f"localhost:5000/a/b:1@sha256:{HEX}", ("localhost:5000/a/b", f"sha256:{HEX}")),
        ("docker://nginx:1.25", ("docker.io/library/nginx", None)),
        ("some runtime's own id", (None, None)),
    ],
)
def test_the_image_id_of_every_runtime_is_taken_apart(image_id: str, expected: tuple[str | None, str | None]) -> None:
    assert split_status_image_id(image_id) == expected


@pytest.mark.parametrize("scheme", ["docker://", "docker-pullable://", "containerd://", "cri-o://", ""])
@pytest.mark.parametrize(
    ("written", "digest"),
    [
        (f"sha256:{HEX}", f"sha256:{HEX}"),
        (f"sha256:{HEX.upper()}", f"sha256:{HEX}"),
        (f"SHA256:{HEX}", f"sha256:{HEX}"),
        (f"sha512:{HEX}{HEX}", f"sha512:{HEX}{HEX}"),
        (f"sha256:{HEX}@sha256:{HEX}", f"sha256:{HEX}"),
        (f"sha256:{HEX[:12]}", None),
        ("sha256:", None),
        ("sha256:latest", None),
        (f"blake3:{HEX}", None),
    ],
)
def test_an_image_id_that_is_written_like_a_digest_names_no_repository(
    scheme: str, written: str, digest: str | None
) -> None:
    assert split_status_image_id(scheme + written) == (None, digest)


def test_the_image_ids_seen_in_real_clusters_are_taken_apart() -> None:
    samples = FIXTURES / "kubernetes" / "image_status_samples.json"
    if not samples.exists():
        pytest.skip("the status samples are not beside this checkout (shared/fixtures/kubernetes)")
    for sample in json.loads(samples.read_text())["samples"]:
        repository, digest = split_status_image_id(sample["imageID"])
        written = re.search(r"sha256:[0-9a-f]{64}", sample["imageID"])
        assert digest == (written[0] if written else None), sample
        before_digest = sample["imageID"].removeprefix("docker-pullable://").rpartition("@")[0]
        assert repository == (before_digest or None), sample


ALPHABET = st.sampled_from([*"aZ09._-/:@[]", "docker.io", "index.docker.io", "library/", f"sha256:{HEX}", HEX, " "])
ODD_TEXTS = st.text(max_size=60) | st.lists(ALPHABET, max_size=10).map("".join)
COMPONENT = st.from_regex(r"[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True)
HOSTS = st.sampled_from(["docker.io/", "ghcr.io/", "localhost/", "LOCAL/", "r.example.com:5000/", "[::1]:5/", ""])
TAGS = st.from_regex(r"(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,20})?", fullmatch=True)
DIGESTS = st.sampled_from(["", f"@sha256:{HEX}", f"@sha512:{HEX}{HEX}"])
NAMES = st.lists(COMPONENT, min_size=1, max_size=4).map("/".join)
REFERENCES = st.tuples(HOSTS, NAMES, TAGS, DIGESTS).map("".join)


@given(ODD_TEXTS)
def test_no_text_raises_anything_but_invalid_reference(text: str) -> None:
    for read in (Reference.parse, parse_any, read_written):
        with contextlib.suppress(InvalidReference):
            read(text)
    host_of(text)
    split_status_image_id(text)


@given(REFERENCES | ODD_TEXTS)
def test_printing_and_reading_again_is_the_identity(text: str) -> None:
    try:
        read = Reference.parse(text)
    except InvalidReference:
        return
    assert Reference.parse(str(read)) == read
    assert read.with_default_tag().with_default_tag() == read.with_default_tag()
    assert is_repository(read.repository)
    assert read.tag is None or is_tag(read.tag)


@given(REFERENCES)
def test_every_well_formed_reference_is_read(text: str) -> None:
    Reference.parse(text)


@given(REFERENCES)
def test_the_host_of_a_good_reference_is_its_registry(text: str) -> None:
    registry = Reference.parse(text).registry
    assert not registry or host_of(text) == registry


def test_four_hundred_thousand_references_take_seconds() -> None:
    texts = [f"registry.example.com:5000/team-{n % 700}/app_{n % 37}:v1.{n}" for n in range(40_000)]
    begin = time.process_time()
    for text in texts:
        Reference.parse(text)
    assert time.process_time() - begin < 1.0, "a tenth of the catalog should take 0.2 s of processor time"


def test_a_hostile_text_does_not_hang_the_reader() -> None:
    for text in ("a" * 100_000 + "!", "a-" * 50_000 + "!", "a." * 50_000 + "/!", "a/" * 50_000 + "!"):
        begin = time.process_time()
        with pytest.raises(InvalidReference):
            Reference.parse(text)
        assert time.process_time() - begin < 1.0
