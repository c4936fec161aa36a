"""What follows the number of a version: a pre-release, a variant of the image, a revision of it.

`7.2.4-alpine` is no pre-release of 7.2.4, and 7.2.5 does not replace it: its successor is 7.2.5-alpine. `-rc10` comes
before its release, `-r10` and `_build.10` after it, and `-debian-12-r10` is the tenth revision of one variant. Versions
are compared within one variant only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from registry_core.versions import PrereleaseKey, WordKey, prerelease_key, word_key

#: Words that come before a release.
_BEFORE_A_RELEASE = """
    a alpha b beta c cr rc pre preview prerelease dev devel develop development snapshot nightly daily weekly canary
    next edge insiders experimental exp unstable test testing ea m milestone tp feature feat fix bugfix pr mr ci wip
    main master trunk branch head
"""

#: Words that count what was built of one release.
_AFTER_A_RELEASE = "r rev revision ls p patch post hotfix hf sp release rel final ga stable"

#: Words of which one tag alone says that it is a variant: systems, sizes, architectures, editions, run-times.
_OF_VARIANTS = """
    alpine debian ubuntu jessie stretch buster bullseye bookworm trixie forky sid xenial bionic focal jammy noble slim
    fat full lite light mini minimal minimum tiny small base core buildpack windowsservercore nanoserver servercore
    windows windowsserver linux darwin ltsc ubi rhel el fc centos rocky rockylinux alma almalinux fedora suse opensuse
    sles leap arch archlinux photon mariner azurelinux amazonlinux amzn al oracle oraclelinux ol distroless scratch
    static busybox musl glibc gnu uclibc wolfi chainguard chiseled amd arm armhf armel armv aarch ppc powerpc riscv
    mips loong cuda cudnn rocm gpu cpu tpu jdk jre java openjdk temurin eclipse corretto zulu graalvm semeru
    sapmachine liberica jetty tomcat fpm apache nginx cli zts embed unit perl python py php ruby go golang node nodejs
    dotnet mono lua onbuild management enterprise ee ce community oss developer debug debugger nonroot rootless root
    unprivileged fips hardened stig otel plugins plugin extras vector gis postgis pgvector timescale otp elixir erlang
    server client agent
"""
_PRERELEASES, _REVISIONS, _VARIANTS = (
    frozenset(words.split()) for words in (_BEFORE_A_RELEASE, _AFTER_A_RELEASE, _OF_VARIANTS)
)
_MACHINES = re.compile(r"x86|x64|s390x|i[3-6]86")

_TOKENS = re.compile(r"[-._+]+")
_DIGITS = re.compile(r"[0-9]+")
_HASH = re.compile(r"g?(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{7,40}|[0-9a-f]{40}|[0-9a-f]{64}")
_OF_COMMITS = frozenset(("sha", "git", "commit", "g"))

SuffixKey = tuple[PrereleaseKey, tuple[WordKey, ...], tuple[WordKey, ...]]


@dataclass(frozen=True, slots=True)
class Suffix:
    """One way to read what follows a number.

    `shape` names the variant, with `#` for each number in it (`debian-#`), empty for none; `key` orders the versions of
    one number within a variant.
    """

    shape: str
    is_prerelease: bool
    key: SuffixKey


@dataclass(frozen=True, slots=True)
class SuffixReadings:
    """What a suffix is where the repository has the variant, and where not. `certain`: its words alone say it."""

    variant: Suffix
    plain: Suffix
    certain: bool


@lru_cache(maxsize=65_536)
def read_suffix(behind_hyphen: str, behind_underscore: str) -> SuffixReadings:
    """Read what follows the number of a tag: `1.2.3-<one>_<other>`; either may be empty."""
    plain = Suffix("", bool(behind_hyphen), (prerelease_key(behind_hyphen), (), _words(behind_underscore)))
    before, variant, revision = _sorted_out(behind_hyphen, behind_underscore)
    words = {_word(one) for one in variant} - {""}
    known = bool(words & _VARIANTS) or any(_MACHINES.fullmatch(one.lower()) for one in variant)
    foreign = any(_HASH.fullmatch(one.lower()) for one in variant) or bool(words & _OF_COMMITS)
    if foreign or (variant and not words) or (before and words and not known):
        return SuffixReadings(plain, plain, certain=True)
    shape = _DIGITS.sub("#", "-".join(variant).lower())
    key = (prerelease_key(".".join(before)), tuple(word_key(one) for one in variant), tuple(map(word_key, revision)))
    return SuffixReadings(Suffix(shape, bool(before), key), plain, certain=known or not variant)


def _sorted_out(behind_hyphen: str, behind_underscore: str) -> tuple[list[str], list[str], list[str]]:
    """The parts of a suffix: what comes before a release, the variant, and the revision. A number belongs to the word
    before it."""
    before: list[str] = []
    variant: list[str] = []
    revision: list[str] = []
    into = variant
    for text, is_build in ((behind_hyphen, False), (behind_underscore, True)):
        for token in _tokens(text):
            word = _word(token)
            if word in _PRERELEASES and not is_build:
                into = before
            elif word in _REVISIONS or (word == "build" and is_build):
                into = revision
            elif word:
                into = variant
            into.append(token)
    return before, variant, revision


def _tokens(text: str) -> list[str]:
    return [token for token in _TOKENS.split(text) if token]


def _word(token: str) -> str:
    """The first letters of a token, in lower case."""
    found = re.search(r"[a-z]+", token.lower())
    return found[0] if found else ""


def _words(text: str) -> tuple[WordKey, ...]:
    return tuple(word_key(one) for one in _tokens(text))
