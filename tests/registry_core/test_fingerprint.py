"""A fingerprint says that two values are the same, so equal values have one and different values differ."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.fingerprint import canonical_json, fingerprint


def test_the_canonical_form_is_sorted_dense_utf8() -> None:
    value = {"b": [1, None, True], "a": "Zürich", "at": datetime(2026, 4, 1, 12, 30, tzinfo=UTC)}
    assert canonical_json(value) == '{"a":"Zürich","at":"2026-04-01T12:30:00Z","b":[1,null,true]}'.encode()


def test_the_fingerprint_of_a_known_value_never_changes() -> None:
    expected = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # sha256 of `{}`
    assert fingerprint({}) == expected


def test_one_instant_has_one_fingerprint_whatever_its_zone() -> None:
    utc = datetime(2026, 4, 1, 12, 30, 0, 5, tzinfo=UTC)
    assert fingerprint(utc) == fingerprint(utc.astimezone(timezone(timedelta(hours=5, minutes=45))))
    assert fingerprint(utc) == fingerprint(pd.Timestamp(utc))
    assert canonical_json(utc) == b'"2026-04-01T12:30:00.000005Z"'


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        {1, 2},
        frozenset(),
        b"bytes",
        pytest.param(object(), id="an object"),
        np.int64(3),
        {"a": [{1: "key"}]},
        {None: 1},
        {True: 1},
        datetime(2026, 4, 1),
        pd.NaT,
        pd.Timestamp("2026-04-01T00:00:00.000000001Z"),
        timedelta(days=1),
        "\ud800",
    ],
    ids=repr,
)
def test_what_has_no_single_form_is_refused(value: Any) -> None:
    for held in (value, {"deep": [value]}):
        with pytest.raises((TypeError, ValueError)):
            canonical_json(held)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False) | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abé", max_size=3), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return tuple(reversed_keys(part) for part in value) if isinstance(value, list) else value


@given(VALUES)
def test_the_order_of_keys_and_the_kind_of_list_do_not_matter(value: Any) -> None:
    assert fingerprint(value) == fingerprint(reversed_keys(value))


@given(VALUES)
def test_the_canonical_form_of_what_was_read_back_is_the_same(value: Any) -> None:
    body = canonical_json(value)
    assert canonical_json(json.loads(body)) == body
    assert len(fingerprint(value)) == 64


@given(VALUES, VALUES)
def test_different_values_have_different_forms(one: Any, other: Any) -> None:
    assert (canonical_json({"v": one}) == canonical_json({"v": other})) == (
        canonical_json(one) == canonical_json(other)
    )
