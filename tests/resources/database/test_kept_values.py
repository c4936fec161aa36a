"""What is stored comes back as it was: manifests, odd texts, times, derived frames."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from registry_core.catalog import CHILD_COLUMNS, IMAGE_COLUMNS, TAG_COLUMNS, ImageSeen, RepositoryCrawled
from registry_core.coverage import Coverage
from registry_core.findings import FINDING_COLUMNS
from registry_core.inventory import INVENTORY_COLUMNS
from registry_core.usage import USAGE_COLUMNS
from resources.database.derived import Derivation
from resources.database.history import History
from tests.resources.database.readings import (
    crawl,
    digest,
    hour,
    manifest,
    repository,
    tag,
    take_inventory,
    use,
)


def test_frames_have_the_promised_columns_and_types(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a"}})
    take_inventory(history, 1, [use("web", replicas=3, since=hour(0))])
    catalog, inventory = history.read_catalog("main"), history.read_inventory("production")
    assert tuple(catalog.tags.columns) == TAG_COLUMNS
    assert tuple(catalog.images.columns) == IMAGE_COLUMNS
    assert tuple(catalog.children.columns) == CHILD_COLUMNS
    assert tuple(inventory.columns) == INVENTORY_COLUMNS
    assert {str(inventory[name].dtype) for name in ("since", "first_seen_at")} == {"datetime64[us, UTC]"}
    assert {str(catalog.images[name].dtype) for name in ("size_bytes", "layers")} == {"Int64"}
    assert inventory["tag"].tolist() == [None]
    assert catalog.images["created_at"].isna().all()


def test_an_empty_reading_has_the_same_columns_and_types(history: History) -> None:
    crawl(history, 1, {"app/web": {"v1": "a"}})
    crawl(history, 2, {}, listed=[])
    full, empty = history.read_catalog("main", at=hour(1)), history.read_catalog("main")
    for name in ("tags", "images", "children"):
        pd.testing.assert_series_equal(getattr(full, name).dtypes, getattr(empty, name).dtypes)
        assert getattr(empty, name).empty


def test_a_manifest_comes_back_byte_for_byte_with_its_facts(history: History) -> None:
    facts = manifest(
        "index", document=b'{"a": "\xc3\xa4"}\n' * 3, artifact_type="application/x", subject=digest("s"),
        config_digest=digest("c"), image_bytes=2**40, layers=7, children=(digest("two"), digest("one")),
        created_at=hour(0), os="linux", architecture="arm64", variant="v8", config_read=True,
    )  # fmt: skip
    images = (ImageSeen("app/web", facts.digest, "digest", pushed_at=hour(1), pulled_at=hour(2)),)
    with history.begin("catalog", "main", hour(3)) as writer:
        writer.add_repository(RepositoryCrawled("app/web", images=images, manifests=(facts,)))
        writer.finish(Coverage())
    assert dict(history.documents([facts.digest, digest("unknown")])) == {facts.digest: facts.document}
    row = history.read_catalog("main").images.iloc[0]
    for name in ("media_type", "artifact_type", "subject", "config_digest", "size_bytes", "image_bytes", "layers",
                 "created_at", "os", "architecture", "variant"):  # fmt: skip
        assert row[name] == getattr(facts, name), name
    assert (row["pushed_at"], row["pulled_at"]) == (hour(1), hour(2))
    children = history.read_catalog("main").children
    assert children["child"].tolist() == [digest("two"), digest("one")]
    known = history.remembered("main").known([facts.digest, digest("unknown")])
    assert set(known) == {facts.digest}
    assert known[facts.digest].children == facts.children
    assert known[facts.digest].config_read


def test_a_config_that_is_read_later_completes_the_manifest_and_is_never_lost_again(history: History) -> None:
    tries = [manifest("a"), manifest("a", os="linux", config_read=True), manifest("a")]
    for at, facts in enumerate(tries, start=1):
        with history.begin("catalog", "main", hour(at)) as writer:
            images = (ImageSeen("app/web", facts.digest, "tag"),)
            writer.add_repository(RepositoryCrawled("app/web", images=images, manifests=(facts, facts)))
            writer.finish(Coverage())
    assert history.read_catalog("main").images["os"].tolist() == ["linux"]
    assert history.remembered("main").known([digest("a")])[digest("a")].config_read


def test_what_is_remembered_is_what_a_crawl_left(history: History) -> None:
    remembered = history.remembered("main")
    assert remembered.digests_of("app/web") == {}
    assert remembered.referrers_read_at("app/web") == {}
    signature = manifest("signature", subject=digest("a"))
    for at, asked in [(1, hour(1)), (2, None)]:
        with history.begin("catalog", "main", hour(at)) as writer:
            images = (
                ImageSeen("app/web", digest("a"), "tag", referrers_read_at=asked),
                ImageSeen("app/web", signature.digest, "referrer"),
            )
            tags = (tag("app/web", "v1", "a"), tag("app/web", "v2", None, "missing"))
            writer.add_repository(RepositoryCrawled("app/web", tags, images, (signature,)))
            writer.finish(Coverage())
    assert remembered.digests_of("app/web") == {"v1": digest("a")}
    assert remembered.referrers_read_at("app/web") == {digest("a"): hour(1)}
    assert remembered.referrers_of("app/web") == {digest("a"): {signature.digest}}
    assert history.remembered("other").digests_of("app/web") == {}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("größe/日本語/🐳", "größe/日本語/🐳"),
        ("x" * 2_000_000, "x" * 2_000_000),
        ("nul\x00byte", "nul\ufffdbyte"),
        ("half \ud83d pair", "half ? pair"),
        ("back\\slash\ttab\nline", "back\\slash\ttab\nline"),
        ("", ""),
    ],
    ids=["unicode", "enormous", "nul", "surrogate", "escapes", "empty"],
)
def test_any_text_is_kept(history: History, written: str, kept: str) -> None:
    for at in (1, 2):
        take_inventory(history, at, [use("web", container=written, message=written, pull_secrets=(written, "b"))])
    row = history.read_inventory("production").iloc[0]
    assert (row["container"], row["message"], row["pull_secrets"]) == (kept, kept, f"{kept},b")
    assert (row["first_seen_at"], row["last_seen_at"]) == (hour(1), hour(2))


def test_odd_names_of_places_are_kept(history: History) -> None:
    name = "app/\x00日本"
    for at in (1, 2):
        crawl(history, at, {name: {"v1": "a"}}, listed=[name])
    tags = history.read_catalog("main").tags
    assert tags["repository"].tolist() == ["app/\ufffd日本"]
    assert tags["last_seen_at"].tolist() == [hour(2)]


def test_none_and_empty_are_two_things(history: History) -> None:
    uses = [use("web", status_digest=None), use("web", status_digest=""), use("", status_digest="web")]
    take_inventory(history, 1, uses)
    kept = history.read_inventory("production")
    assert {(row.name, row.status_digest) for row in kept.itertuples(index=False)} == {
        ("web", None),
        ("web", ""),
        ("", "web"),
    }


def test_the_same_thing_told_twice_in_one_snapshot_is_one_row(history: History) -> None:
    take_inventory(history, 1, [use("web", node="a"), use("web", node="b")])
    assert history.read_inventory("production")["node"].tolist() == ["a"]


def test_a_time_without_a_zone_is_refused(history: History) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        history.begin("catalog", "main", hour(1).replace(tzinfo=None))


def _usage(*rows: tuple[str, str, int]) -> pd.DataFrame:
    values = dict.fromkeys(USAGE_COLUMNS, "x") | {"first_seen_at": hour(0), "last_seen_at": hour(0)}
    return pd.DataFrame(
        [{**values, "repository": name, "digest": digest(image), "pods": pods} for name, image, pods in rows],
        columns=list(USAGE_COLUMNS),
    )


def test_usage_tells_since_when_and_until_when(history: History) -> None:
    history.save_usage("main", _usage(("app/web", "a", 1), ("app/api", "b", 1)), Derivation(hour(1)))
    history.save_usage("main", _usage(("app/web", "a", 5)), Derivation(hour(2), {"catalog main": "1"}))
    stored = history.save_usage("main", _usage(("app/web", "a", 5), ("app/web", "c", 1)), Derivation(hour(3)))
    assert stored.complete
    usage = history.read_usage("main")
    assert tuple(usage.columns) == USAGE_COLUMNS
    assert dict(zip(usage["digest"], usage["first_seen_at"], strict=True)) == {
        digest("a"): hour(1),
        digest("c"): hour(3),
    }
    assert usage["pods"].tolist() == [5, 1]
    last = history.last_used("main")
    assert {(row.repository, row.digest): row.last_seen_at for row in last.itertuples()} == {
        ("app/web", digest("a")): hour(3),
        ("app/api", digest("b")): hour(1),
        ("app/web", digest("c")): hour(3),
    }
    assert history.last_used("main", "app/api")["digest"].tolist() == [digest("b")]
    assert history.snapshots("usage", "main")[1].basis == {"catalog main": "1"}


def test_usage_of_nothing_closes_all(history: History) -> None:
    history.save_usage("main", _usage(("app/web", "a", 1)), Derivation(hour(1)))
    history.save_usage("main", _usage(), Derivation(hour(1) + timedelta(minutes=1)))
    assert history.read_usage("main").empty


def test_findings_tell_since_when_something_is_broken(history: History) -> None:
    row = dict.fromkeys(FINDING_COLUMNS, "x") | {"tag": None, "blob": float("nan")}
    for at, severity in [(1, "warning"), (2, "error")]:
        frame = pd.DataFrame([{**row, "severity": severity}], columns=list(FINDING_COLUMNS))
        history.save_findings("main", frame, Derivation(hour(at)))
    found = history.read_findings("main")
    assert tuple(found.columns) == (*FINDING_COLUMNS, "first_seen_at", "last_seen_at")
    assert found.loc[0, ["severity", "tag", "blob"]].tolist() == ["error", None, None]
    assert (found["first_seen_at"][0], found["last_seen_at"][0]) == (hour(1), hour(2))
    history.save_findings("main", frame.iloc[:0], Derivation(hour(3)))
    assert history.read_findings("main").empty


def test_a_repository_in_pieces_is_one_repository(history: History) -> None:
    with history.begin("catalog", "main", hour(1)) as writer:
        writer.add_repository(repository("app/web", {"v1": "a"}))
        writer.add_repository(repository("app/web", {"v2": "b"}))
        writer.finish(Coverage())
    assert set(history.read_catalog("main").tags["tag"]) == {"v1", "v2"}
