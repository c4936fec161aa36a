"""Images that share manifests in one repository: each manifest is stored once, and none is judged while it is."""

from __future__ import annotations

from collections import Counter

from resources.embedded_registry import EmbeddedRegistry
from resources.registry.copying.turns import Turns
from tests.image_builder import make_image, make_index, push
from tests.registries import DockerRegistry
from tests.resources.registry.copying.conftest import copier, manifest_at, same
from tests.resources.registry.copying.weir import Weir


def test_a_child_of_many_indexes_is_stored_once(
    embedded_registry: EmbeddedRegistry, docker_registry: DockerRegistry, weir: Weir
) -> None:
    shared = make_image([b"shared"], platform="linux/arm64")
    indexes = {f"v{number}": make_index([make_image([b"%d" % number]), shared]) for number in range(24)}
    for tag, index in indexes.items():
        push(embedded_registry.layout, "app", index, tag)
    outcomes = list(copier(embedded_registry, weir).copy([same("app", tag) for tag in indexes]))
    assert [outcome.word for outcome in outcomes] == ["copied"] * len(indexes), [str(one) for one in outcomes]
    stored = Counter(path for method, path in weir.asked if method == "PUT" and "/manifests/" in path)
    assert stored[f"/v2/app/manifests/{shared.digest}"] == 1
    assert max(stored.values()) == 1
    for tag, index in indexes.items():
        assert manifest_at(docker_registry, "app", tag) == index.manifest_bytes


def test_a_turn_is_taken_whole_or_not_at_all() -> None:
    turns, called = Turns(), []
    assert turns.take("app", ["a", "b"], lambda: called.append("first")) == frozenset()
    assert turns.take("app", ["b", "c"], lambda: called.append("second")) is None
    assert turns.take("app", ["c"], lambda: called.append("third")) == frozenset(), "what was not taken is free"
    assert turns.take("other", ["a"], lambda: None) == frozenset(), "another repository is another matter"
    turns.end("app", ["a", "b"], stored=True)
    assert called == ["second"]
    turns.end("app", ["c"], stored=False)
    assert turns.take("app", ["b", "c"], lambda: None) == frozenset({"b"})
