"""A path of the inventory leads to one place of the object, whatever its keys are called."""

from __future__ import annotations

import pytest

from registry_core.json_places import ABSENT, place_of, pointer, print_place, value_at

ITEM = {"spec": {"a.b/c": {"image": "one"}, "images": {"my.app": "two", "my": {"x": 1}}, "list": [{"image": "three"}]}}


@pytest.mark.parametrize(
    ("path", "place", "written"),
    [
        ('.spec["a.b/c"].image', ("spec", "a.b/c", "image"), "/spec/a.b~1c/image"),
        (".spec.images.my.app", ("spec", "images", "my.app"), "/spec/images/my.app"),
        (".spec.list[0].image", ("spec", "list", 0, "image"), "/spec/list/0/image"),
    ],
)
def test_paths_lead_to_places(path: str, place: tuple[str | int, ...], written: str) -> None:
    assert place_of(ITEM, path) == place
    assert pointer(place) == written
    assert isinstance(value_at(ITEM, place), str)


@pytest.mark.parametrize("path", [".spec.absent", ".spec.list[4].image", ".spec.list.image", "spec", ".spec.images[0]"])
def test_a_path_that_leads_nowhere_has_no_place(path: str) -> None:
    assert place_of(ITEM, path) is None


def test_null_is_something_and_absence_is_not() -> None:
    assert value_at({"a": None}, ("a",)) is None
    assert value_at({"a": None}, ("a", "b")) is ABSENT
    assert value_at({"a": [1]}, ("a", "0")) is ABSENT
    assert print_place(("spec", "containers", 0, "image")) == ".spec.containers[0].image"
