"""Persons: one identity for every spelling of a name.

A name comes from a form, a command line, a header or the configuration. `person_name` is what is kept and shown, and
`same_person` is the only comparison: capitals, kinds of space, composed and decomposed letters, wide letters and
characters that no one sees make no second person (Unicode Standard Annex 15, and Default_Ignorable_Code_Point of
Annex 44).
"""

from __future__ import annotations

import unicodedata

#: Default-ignorable characters that are not in the category Cf: joiners, fillers of Hangul, variation selectors.
_UNSEEN = frozenset(
    map(
        chr,
        (
            0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), 0x3164, 0xFFA0,
            *range(0xE0100, 0xE01F0), 0x2800,
        ),
    )
)  # fmt: skip
_UNSEEN_CATEGORIES = ("Cf", "Cc", "Cn", "Co", "Cs")


def person_name(typed: str) -> str:
    """The name as it is kept: without what no one sees, with single spaces, in its composed form. Empty for none."""
    composed = unicodedata.normalize("NFKC", " ".join(typed.split()))
    seen = "".join(
        one for one in composed if one not in _UNSEEN and unicodedata.category(one) not in _UNSEEN_CATEGORIES
    )
    return unicodedata.normalize("NFKC", " ".join(seen.split()))


def person_key(name: str) -> str:
    """Equal for every spelling of one name, and for no other name. Empty for a name that holds nothing."""
    return person_name(unicodedata.normalize("NFKD", person_name(name).casefold())).casefold()


def same_person(one: str, other: str) -> bool:
    """Whether two names are of one person. A name that holds nothing is no one's."""
    key = person_key(one)
    return bool(key) and key == person_key(other)


def vouched_name(said: str) -> str | None:
    """The name that a sign-in proxy said, or None where it cannot be believed.

    A person may type their own name in any spelling. Of a proxy an exact one is expected: an account of another person,
    registered with wide letters or with a character that no one sees, is not taken for the account that it resembles.
    """
    name = person_name(said)
    return name if name and name == unicodedata.normalize("NFC", said.strip()) else None
