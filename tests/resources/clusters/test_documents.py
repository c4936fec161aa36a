"""One file of kubectl output: every object of it, or the place where it breaks."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.clusters.documents import BadDocument, DocumentReader, objects_of

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "b"}}
LIST = {"apiVersion": "v1", "items": [POD, JOB], "kind": "List", "metadata": {"resourceVersion": ""}}


def read(path: Path, content: str | bytes) -> list[dict[str, Any]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(objects_of(path))


def problem(path: Path, content: str | bytes) -> str:
    with pytest.raises(BadDocument) as caught:
        read(path, content)
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dump.json"


def test_a_list_of_mixed_kinds_gives_its_items(path: Path) -> None:
    assert read(path, json.dumps(LIST, indent=4)) == [POD, JOB]


def test_a_single_object_is_itself(path: Path) -> None:
    assert read(path, json.dumps(POD)) == [POD]


def test_several_documents_may_follow_one_another(path: Path) -> None:
    assert read(path, json.dumps(LIST) + "\n" + json.dumps(POD) + json.dumps(JOB)) == [POD, JOB, POD, JOB]


def test_gzip_is_told_by_its_first_bytes_whatever_the_name(path: Path) -> None:
    assert read(path, gzip.compress(json.dumps(LIST).encode())) == [POD, JOB]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_what_powershell_writes_is_read(path: Path, encoding: str) -> None:
    pod = {**POD, "metadata": {"name": "größe-猫"}}
    assert read(path, json.dumps(pod, ensure_ascii=False).encode(encoding)) == [pod]


def test_items_of_a_raw_list_have_the_kind_of_the_list(path: Path) -> None:
    raw = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [{"metadata": {"name": "a"}}]}
    assert read(path, json.dumps(raw)) == [POD]


def test_an_empty_list_is_empty_and_no_problem(path: Path) -> None:
    assert read(path, json.dumps({**LIST, "items": []})) == []


def test_a_list_whose_items_are_null_is_empty_and_not_an_object_itself(path: Path) -> None:
    assert read(path, '{"kind": "PodList", "apiVersion": "v1", "items": null, "metadata": {}}') == []


def test_a_cut_file_gives_what_stands_before_the_cut_and_then_says_where(path: Path) -> None:
    text = json.dumps(LIST, indent=4)
    path.write_text(text[: text.index('"Job"') + 3])
    objects = objects_of(path)
    assert next(objects) == POD
    with pytest.raises(BadDocument, match=r"line 13, column \d+: it ends in the middle of the JSON"):
        next(objects)


@given(st.integers(min_value=1, max_value=len(json.dumps(LIST, indent=1)) - 1))
def test_wherever_a_file_is_cut_it_is_never_taken_for_whole(length: int) -> None:
    with pytest.raises(BadDocument):
        list(DocumentReader(io.StringIO(json.dumps(LIST, indent=1)[:length])).objects())


def test_a_cut_gzip_file_is_told(path: Path) -> None:
    packed = gzip.compress(json.dumps(LIST).encode() * 100)
    assert "its compressed data ends or breaks in the middle" in problem(path, packed[: len(packed) // 2])
    assert "its compressed data" in problem(path, packed[:-4] + b"\0\0\0\0")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "it is empty: the command that should have filled it failed"),
        (gzip.compress(b"", mtime=0), "it is empty"),
        (" \n\n", "it is blank"),
        ("NAME   READY\nweb    1/1\n", "this is a table for people, not JSON"),
        ("apiVersion: v1\nitems:\n", "this is YAML, not JSON"),
        ("<html>", "this is HTML or XML, not JSON"),
        ("error: You must be logged in", "line 1, column 1: this is not JSON of Kubernetes objects"),
        ("[1, 2]", "this is not JSON of Kubernetes objects"),
        ('{"name": "x"}', "no Kubernetes object or list"),
        ('{"items": [1], "kind": "List"}', "an object was expected in the list"),
        ('{"kind": "Pod" "metadata": {}}', "line 1, column 16: a comma or the end of the object was expected"),
        ('{"kind": "Pod",\n "metadata": {"a": }}', "line 2, column 20: Expecting value"),
        ('{"kind": "Pod"} and more', "line 1, column 17: this is not JSON"),
        (b'{"kind": "Pod\xff"}', "it is not text (byte 13 is not utf-8)"),
        (b"\x00\x01\x02", "this is not JSON"),
        ('{"kind": "Pod", "metadata": ' + "[" * 100_000, "nested deeper"),
    ],
)  # fmt: skip
def test_what_is_no_dump_is_told_with_its_place(path: Path, content: str | bytes, words: str) -> None:
    assert words in problem(path, content)


class Trickle(io.StringIO):
    """A file that gives a few characters at a time."""

    def __init__(self, text: str, step: int) -> None:
        super().__init__(text)
        self._step = step

    def read(self, size: int | None = -1) -> str:
        return super().read(self._step)


TEXT = st.text(max_size=4)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
OBJECTS = st.lists(st.dictionaries(TEXT, JSON, max_size=3).map(lambda one: {**one, "kind": "X"}), max_size=3)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(OBJECTS, st.integers(1, 40), st.sampled_from([None, 1]))
def test_reading_piece_by_piece_gives_what_reading_at_once_gives(
    objects: list[dict[str, Any]], step: int, indent: int | None
) -> None:
    text = json.dumps({"n": 12345, "items": objects, "kind": "List", "z": 1.5e3}, indent=indent)
    assert list(DocumentReader(Trickle(text, step)).objects()) == objects


def test_an_enormous_annotation_is_no_problem(path: Path) -> None:
    pod = {**POD, "metadata": {"name": "a", "annotations": {"a": "ü" * 5_000_000}}}
    assert read(path, json.dumps({**LIST, "items": [pod, JOB]}, ensure_ascii=False)) == [pod, JOB]
