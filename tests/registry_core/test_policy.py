"""Policies as people write them: all mistakes at once, each at its place."""

from datetime import timedelta

import pytest

from registry_core.errors import ConfigError
from registry_core.fingerprint import canonical_json
from registry_core.limits import Limits
from registry_core.policy import read_policies
from registry_core.policy_spans import parse_span, print_span

WHOLE = [
    {"repositories": ["base/**"], "protect": True},
    {
        "repositories": ["team/*", "apps/**"],
        "keep_tags": ["v*", "stable"],
        "keep_last": 3,
        "keep_within": "30d",
        "keep_in_use": {"seen_within": "31d", "rollbacks": 2},
        "keep_versions": {"pattern": "v{semver}", "last": 3, "per": "minor", "prereleases": True},
        "untagged": {"keep_within": "7d"},
        "when_unused": "evict",
    },
    {"repositories": ["**"], "keep_last": 10, "untagged": {"keep": False}},
]


def problems_of(*entries, **rules):
    """Places and words of all problems of the entries, or of one entry for everything with `rules`."""
    with pytest.raises(ConfigError) as caught:
        read_policies([*entries] if entries else [{"repositories": ["**"], **rules}])
    return {problem.place: problem.message for problem in caught.value.problems}


def test_what_was_read_is_written_again_and_read_the_same():
    policies = read_policies(WHOLE)
    assert read_policies(policies.to_json()) == policies
    assert canonical_json(policies.to_json()) == canonical_json(read_policies(policies.to_json()).to_json())
    assert policies.entries[1].keep_within == timedelta(days=30)


def test_the_first_entry_that_matches_decides_and_none_may_match():
    policies = read_policies(WHOLE[:2])
    names = ["base/os", "team/web", "team/web/api", "apps/a/b", "base"]
    assert [policies.entry_of(name) for name in names] == [0, 1, None, 1, None]
    assert policies.entries_of(names).tolist() == [0, 1, -1, 1, -1]


def test_all_problems_are_told_at_once_with_entry_and_key():
    found = problems_of(
        {"repositories": ["a/**"], "keep_lsat": 3, "keep_tags": ["v*"]},
        {"repositories": ["b/**"], "keep_last": 0},
        "c",
        {"keep_last": 1, "keep_in_use": {"rollback": 2}},
    )
    assert found["policies[0].keep_lsat"] == "unknown key; did you mean `keep_last`?"
    assert "keeps nothing" in found["policies[1].keep_last"]
    assert "write a mapping" in found["policies[2]"]
    assert "needed" in found["policies[3].repositories"]
    assert "did you mean `rollbacks`?" in found["policies[3].keep_in_use.rollback"]


@pytest.mark.parametrize("value", [None, [], {}, "keep_last: 3", 3])
def test_an_empty_policy_or_none_at_all_is_refused(value):
    with pytest.raises(ConfigError, match="policies: "):
        read_policies(value)


def test_an_entry_without_a_keep_rule_is_refused_unless_it_protects():
    assert "no keep rule" in problems_of(when_unused="evict", untagged={"keep": True})["policies[0]"]
    assert read_policies([{"repositories": ["**"], "protect": True}]).entries[0].protect


def test_an_entry_behind_one_that_takes_all_can_never_match():
    found = problems_of({"repositories": ["**"], "keep_last": 3}, {"repositories": ["base/**"], "protect": True})
    assert "policies[0] takes it first" in found["policies[1].repositories[0]"]


@pytest.mark.parametrize(("wide", "narrow"), [("a/**", "a/b"), ("a/**", "a/b/**"), ("a/*", "a/b"), ("a/b", "a/b")])
def test_a_pattern_that_an_earlier_one_covers_can_never_match(wide, narrow):
    found = problems_of({"repositories": [wide], "keep_last": 3}, {"repositories": [narrow], "keep_last": 3})
    assert list(found) == ["policies[1].repositories[0]"]


@pytest.mark.parametrize(("first", "second"), [("a/b", "a/**"), ("a/**", "a"), ("a/*", "a/b/c"), ("a/*/x", "a/**")])
def test_a_wider_pattern_may_follow_a_narrower_one(first, second):
    entries = [{"repositories": [first], "keep_last": 3}, {"repositories": [second], "keep_last": 3}]
    assert len(read_policies(entries)) == 2


@pytest.mark.parametrize("pattern", ["a/b", "-x", ".x", "", "v[0-9]", "v1:2", "x" * 129])
def test_a_keep_tags_pattern_that_is_no_tag_is_told(pattern):
    assert "policies[0].keep_tags[0]" in problems_of(keep_tags=[pattern])


@pytest.mark.parametrize("pattern", ["Team/**", "/team", "team/", "a//b", "host:5000/x", "a@b", ""])
def test_a_repository_pattern_that_no_name_can_match_is_told(pattern):
    assert "policies[0].repositories[0]" in problems_of({"repositories": [pattern], "keep_last": 1})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("keep_last", True), ("keep_last", "3"), ("keep_last", 2.5), ("keep_last", -1), ("keep_within", 30),
        ("keep_within", "0d"), ("keep_within", "30 days"), ("keep_within", "999999w"), ("keep_tags", "v*"),
        ("keep_tags", []), ("keep_in_use", True), ("keep_versions", "v{semver}"), ("when_unused", "delete"),
        ("untagged", "7d"), ("protect", "yes"),
    ],
)  # fmt: skip
def test_a_value_of_a_wrong_type_is_told_at_its_key(key, value):
    assert f"policies[0].{key}" in problems_of(**{"keep_last": 1, key: value})


def test_a_tag_that_yaml_reads_as_a_number_is_told_with_its_place():
    assert "in quotes" in problems_of(keep_tags=["v*", 1.0])["policies[0].keep_tags[1]"]


def test_protection_with_other_rules_is_a_contradiction():
    assert "`keep_last`" in problems_of(protect=True, keep_last=3)["policies[0].protect"]


@pytest.mark.parametrize("untagged", [{}, {"keep": True, "keep_within": "7d"}])
def test_the_untagged_rule_says_exactly_one_thing(untagged):
    assert "write one of" in problems_of(keep_last=1, untagged=untagged)["policies[0].untagged"]


def test_versions_need_a_pattern_and_a_number():
    found = problems_of(keep_versions={"per": "week"})
    assert {"policies[0].keep_versions.pattern", "policies[0].keep_versions.last"} <= set(found)
    assert "major, minor, patch" in found["policies[0].keep_versions.per"]


def test_the_place_names_the_file():
    with pytest.raises(ConfigError, match=r"site\.yaml policies\[0\]\.keep_last"):
        read_policies([{"repositories": ["**"], "keep_last": 0}], place="site.yaml policies")


@pytest.mark.parametrize("text", ["90s", "15m", "2h", "30d", "36h"])
def test_a_span_is_printed_as_it_was_written(text):
    assert print_span(parse_span(text)) == text


def test_limits_are_written_and_read_the_same():
    limits = Limits(max_evicted_images=7, second_person_above_share=0.5)
    assert Limits.from_json(limits.to_json()) == limits


@pytest.mark.parametrize("wrong", [{"max_evicted_images": -1}, {"max_evicted_share": 1.5}])
def test_a_limit_that_means_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=r"limits\."):
        Limits(**wrong)
