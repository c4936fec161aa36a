"""Persons: which spellings are one name, and which are two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.persons import person_key, person_name, same_person, vouched_name

ONE_PERSON = [
    ["Alice Smith", "alice smith", " ALICE\t SMITH\n", "Alice\u00a0Smith", "alice\u3000smith", "\uff21lice Smith"],
    ["alice@example.com", "Alice@Example.COM", "al\u200bice@example.com", "\ufeffalice@example.com"],
    ["alice@example.com", "al\u00adice@example.com", "alice\ufe0f@example.com", "ali\u2060ce@example.com"],
    ["alice@example.com", "alice\u202e@example.com", "a\U000e0101lice@example.com"],
    ["Zo\u00eb", "Zoe\u0308", "ZO\u00cb", "ZOE\u0308"],
    ["stra\u00dfe", "STRASSE"],
    ["\u1e9e", "ss"],
    ["\ufb01ona", "fiona", "FIONA"],
    ["\u212aim", "kim"],
    ["\u0390", "\u0399\u0308\u0301", "\u03aa\u0301"],  # capitals that have no composed form
    ["\u1fb3", "\u03b1\u03b9"],  # folding and composing in turn
]  # fmt: skip
TWO_PERSONS = [
    ("alice", "al ice"), ("alice", "alicia"), ("zoe", "zo\u00eb"), ("alice", "\u0430lice"),  # Cyrillic a
    ("alice@example.com", "alice@example.org"), ("i", "\u0131"), ("", ""), (" ", "\u200b"),
]  # fmt: skip


@pytest.mark.parametrize("spellings", ONE_PERSON)
def test_spellings_of_one_name_are_one_person(spellings):
    assert len({person_key(one) for one in spellings}) == 1
    assert all(same_person(one, other) for one in spellings for other in spellings)


@pytest.mark.parametrize(("one", "other"), TWO_PERSONS)
def test_other_names_are_other_persons_and_no_name_is_no_one(one, other):
    assert not same_person(one, other)


@given(st.text(max_size=12))
def test_what_is_kept_of_a_name_is_still_that_person(typed):
    kept = person_name(typed)
    assert person_name(kept) == kept
    assert person_key(kept) == person_key(typed) == person_key(person_key(typed))
    assert person_key(typed.upper().lower()) == person_key(typed.upper())


def test_a_proxy_is_believed_only_in_an_exact_spelling():
    assert vouched_name(" Zoe\u0308@example.com ") == "Zo\u00eb@example.com"
    for said in ("", "  ", "\uff41lice", "al\u200bice", "\ufb01ona", "a  b", "alice\x00"):
        assert vouched_name(said) is None
