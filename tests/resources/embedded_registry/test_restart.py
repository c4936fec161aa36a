"""What a registry holds after it was stopped, killed or cut off while it wrote its files."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_core.errors import ConfigError, RegistryError
from resources.embedded_registry import EmbeddedRegistry, Layout, Rejection, holdings
from resources.embedded_registry.contents import Change, Contents
from tests.image_builder import digest_of, make_image, make_multi_platform, make_referrer, push
from tests.resources.embedded_registry.conftest import Api


def held(layout: Layout) -> dict[str, object]:
    """Everything that a client could see of a layout."""
    contents = layout._holdings._contents
    return {
        name: (dict(held.tags), dict(held.manifests), set(held.blobs))
        for name, held in contents.repositories.items()
        if held.known
    }


def fill(layout: Layout) -> None:
    image = make_multi_platform(attested=True)
    push(layout, "team/app", image, "multi")
    push(layout, "team/app", make_referrer(image))
    push(layout, "my.host/app", make_image([b"x"]), "1.0")
    push(layout, "my.host/app", make_image([b"x"]), "gone")
    layout.delete_tag("my.host/app", "gone")
    layout.put_blob("only/blobs", b"alone")
    layout.mount_blob("only/mounted", digest_of(b"alone"), source="only/blobs")
    layout.delete_manifest("team/app", image.children[0].digest)
    layout.delete_blob("team/app", image.children[1].layer_digests[0])


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with Layout(tmp_path / "r") as layout:
        fill(layout)
        before = held(layout)
    with Layout(tmp_path / "r") as layout:
        assert held(layout) == before
        (referrer,) = layout.referrers("team/app", make_multi_platform(attested=True).digest)
        assert referrer["artifactType"] == "application/vnd.example.sbom.v1"


def test_everything_is_there_without_a_proper_stop(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "r")
    fill(layout)
    shutil.copytree(tmp_path / "r", tmp_path / "as-it-lay")
    with Layout(tmp_path / "as-it-lay") as copy:
        assert held(copy) == held(layout)
    layout.close()


def test_a_server_started_again_serves_what_was_pushed(tmp_path: Path) -> None:
    image = make_multi_platform()
    with EmbeddedRegistry(tmp_path / "r") as registry:
        push(registry, "team/app", image, "1.0")
    with EmbeddedRegistry(tmp_path / "r") as registry, Api(registry.url) as api:
        assert api.get("/v2/team/app/manifests/1.0").content == image.manifest_bytes
        for digest in image.children[0].blobs:
            assert api.get(f"/v2/team/app/blobs/{digest}").status_code == 200


def test_a_fold_that_was_cut_off_between_its_files_loses_nothing(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "r")
    fill(layout)
    unfolded = tmp_path / "unfolded"
    shutil.copytree(layout.root, unfolded)
    layout.fold()
    for present in (["holdings.jsonl"], ["holdings.jsonl", "index.json"]):
        cut_off = tmp_path / "-".join(present)
        shutil.copytree(unfolded, cut_off)
        for name in present:
            shutil.copy(layout.root / name, cut_off / name)
        with Layout(cut_off) as read:
            assert held(read) == held(layout)
    layout.close()


@pytest.mark.parametrize("cut", [1, 10, 50])
def test_a_torn_last_line_of_the_journal_is_dropped(tmp_path: Path, cut: int) -> None:
    layout = Layout(tmp_path / "r")
    push(layout, "team/app", make_image(), "1.0")
    push(layout, "team/app", make_image(), "2.0")
    torn = tmp_path / "torn"
    shutil.copytree(layout.root, torn)
    layout.close()
    journal = torn / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])
    with Layout(torn) as read:
        assert read.tags("team/app") == ["1.0"]
        push(read, "team/app", make_image(), "3.0")
    with Layout(torn) as read:
        assert read.tags("team/app") == ["1.0", "3.0"]


def test_a_damaged_line_with_others_after_it_is_refused_with_its_place(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "r")
    push(layout, "team/app", make_image(), "1.0")
    damaged = tmp_path / "damaged"
    shutil.copytree(layout.root, damaged)
    layout.close()
    journal = damaged / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + b"{garbage\n" + b"".join(lines[1:]))
    for _ in range(2):  # a refusal keeps no lock
        with pytest.raises(RegistryError, match=r"journal\.jsonl:2 .*damaged"):
            Layout(damaged)


def test_a_push_does_not_rewrite_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdings, "SHORTEST_FOLD", 10)
    with Layout(tmp_path / "r", durable=False) as layout:
        image = make_image()
        folds = 0
        index = layout.root / "index.json"
        for number in range(200):
            before = index.stat().st_ino
            push(layout, "team/app", image, f"t{number}")
            folds += index.stat().st_ino != before
        assert 3 <= folds <= 12  # each about twice as late as the one before
        layout.fold()
        assert len(json.loads(index.read_bytes())["manifests"]) == 200


def test_the_index_names_every_tag_for_other_tools(tmp_path: Path) -> None:
    image = make_image()
    with Layout(tmp_path / "r") as layout:
        push(layout, "team/app", image, "1.0")
    index = json.loads((tmp_path / "r" / "index.json").read_bytes())
    name = {"org.opencontainers.image.ref.name": "team/app:1.0"}
    assert index["manifests"] == [{**image.descriptor, "annotations": name}]
    assert json.loads((tmp_path / "r" / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}


def test_a_folder_that_is_something_else_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "photos.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"photos\.txt"):
        Layout(tmp_path)
    with pytest.raises(ConfigError, match="no OCI image layout"):
        Layout(tmp_path, read_only=True)
    assert [path.name for path in tmp_path.iterdir()] == ["photos.txt"]


def test_a_closed_layout_refuses_changes(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "r")
    layout.close()
    layout.close()
    with pytest.raises(ConfigError, match="was closed"):
        layout.put_blob("team/app", b"x")


def test_a_vanished_manifest_keeps_its_tag_and_wrong_bytes_are_healed_by_a_push(tmp_path: Path) -> None:
    image = make_image()
    with Layout(tmp_path / "r") as layout:
        push(layout, "team/app", image, "1.0")
        layout.files.path(image.digest).unlink()
        assert layout.tags("team/app") == ["1.0"]
        with pytest.raises(Rejection) as refused:
            layout.read_manifest("team/app", "1.0")
        assert refused.value.codes == ("MANIFEST_UNKNOWN",)
        layout.files.path(image.config_digest).write_bytes(b"rotten")
        push(layout, "team/app", image, "1.0")
        assert layout.read_manifest("team/app", "1.0")[1] == image.manifest_bytes
        assert digest_of(layout.blob_path("team/app", image.config_digest).read_bytes()) == image.config_digest


DIGESTS = st.sampled_from([digest_of(text.encode()) for text in "abc"])
NAMES, TAGS = st.sampled_from(["one", "two"]), st.sampled_from(["t", "u", None])
CHANGES = st.lists(
    st.one_of(
        st.builds(
            Change,
            do=st.just("put_manifest"),
            repository=NAMES,
            digest=DIGESTS,
            tag=TAGS,
            media_type=st.just("application/x"),
            size_bytes=st.just(1),
            subject=st.one_of(st.none(), DIGESTS),
        ),
        st.builds(
            Change,
            do=st.sampled_from(["link_blob", "delete_blob", "delete_manifest"]),
            repository=NAMES,
            digest=DIGESTS,
        ),
        st.builds(Change, do=st.just("delete_tag"), repository=NAMES, tag=TAGS.filter(bool)),
    ),
    max_size=20,
)


def applied(*changes: Change) -> Contents:
    contents = Contents()
    for change in changes:
        contents.apply(change)
    return contents


def seen(contents: Contents) -> object:
    return (
        {name: (held.tags, held.manifests, held.blobs) for name, held in contents.repositories.items()},
        dict(contents.holders),
    )


@given(CHANGES)
def test_applying_a_journal_twice_is_applying_it_once(changes: list[Change]) -> None:
    assert seen(applied(*changes, *changes)) == seen(applied(*changes))


@given(CHANGES, st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_a_layout_read_back_holds_what_its_journal_says(changes: list[Change], folded_at: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder) / "r", durable=False)
        for number, change in enumerate(changes):
            if number == folded_at:
                layout.fold()
            layout._holdings.make(change)
        with Layout(layout.root, read_only=True) as read:
            assert held(read) == held(layout)
        layout.close()
        with Layout(layout.root, read_only=True) as read:
            assert held(read) == held(layout)
