"""Numbering: each distinct text has one number, and what was not numbered has none."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from registry_core import numbering
from registry_core.numbering import Numbering

TEXTS = st.lists(st.text(max_size=3), max_size=30)


@given(TEXTS, TEXTS)
def test_the_numbers_are_those_that_pandas_gives(texts, asked):
    series = pd.Series(texts, dtype=object)
    codes, found = Numbering.of(series)
    expected, names = pd.factorize(series)
    assert codes.tolist() == expected.tolist()
    assert found.texts.tolist() == list(names)
    wanted = [list(names).index(text) if text in set(names) else -1 for text in asked]
    assert found.codes_of(pd.Series(asked, dtype=object)).tolist() == wanted


def test_a_missing_text_has_no_number():
    _, found = Numbering.of(pd.Series(["a", "b"]))
    assert found.codes_of(pd.Series(["b", None, float("nan")], dtype=object)).tolist() == [1, -1, -1]


def test_texts_whose_hashes_clash_are_still_told_apart(monkeypatch):
    monkeypatch.setattr(numbering, "_hashes_of", lambda texts: np.array([len(text) for text in texts], dtype=np.int64))
    codes, found = Numbering.of(pd.Series(["aa", "bb", "c", "aa"]))
    assert codes.tolist() == [0, 1, 2, 0]
    assert found.codes_of(pd.Series(["c", "dd", "bb"])).tolist() == [2, -1, 1]


def test_a_text_that_clashes_with_a_numbered_one_has_no_number(monkeypatch):
    monkeypatch.setattr(numbering, "_hashes_of", lambda texts: np.array([len(text) for text in texts], dtype=np.int64))
    _, found = Numbering.of(pd.Series(["a", "bb"]))
    assert found.codes_of(pd.Series(["z", "bb"])).tolist() == [-1, 1]
