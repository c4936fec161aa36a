"""Listings in pages: every name, once, and no circle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry_core.errors import RegistryError
from resources.registry.paging import next_target
from tests.image_builder import make_image, push
from tests.registries import DockerRegistry
from tests.resources.registry.conftest import client_of
from tests.resources.registry.faulty_registry import Asked, FaultyRegistry, Reply, error_reply, json_reply

_TAGS = "/v2/team/app/tags/list"


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ('</v2/_catalog?n=2&last=b>; rel="next"', "/v2/_catalog?n=2&last=b"),
        ("</v2/_catalog?last=b>; rel=next", "/v2/_catalog?last=b"),
        ("<https://r.example.com/v2/_catalog?last=b>;rel=NEXT", "https://r.example.com/v2/_catalog?last=b"),
        ('</first>; rel="first", </next>; title="a, b"; rel="prev next"', "/next"),
        ('</v2/x?last=a,b;c>; rel="next"', "/v2/x?last=a,b;c"),
        ('</first>; rel="first"', None),
        ("", None),
        ("garbage; rel=next", None),
    ],
)
def test_the_next_page_is_found_however_it_is_written(line: str, target: str | None) -> None:
    assert next_target([line]) == target


@given(st.text(max_size=120))
def test_no_link_however_broken_makes_it_fail(line: str) -> None:
    next_target([line])


def _pages(faulty: FaultyRegistry, pages: list[list[str] | None], form: str) -> None:
    def answer(asked: Asked) -> Reply:
        at = int(asked.path.rpartition("page=")[2]) if "page=" in asked.path else 0
        link = {"Link": form.format(f"{_TAGS}?page={at + 1}")} if at + 1 < len(pages) else {}
        return json_reply({"name": "team/app", "tags": pages[at]}, **link)

    faulty.on("GET", _TAGS, answer)


@pytest.mark.parametrize("form", ['<{}>; rel="next"', "<{}>; rel=next", '<http://internal.example:5000{}>; rel="next"'])
def test_a_short_page_is_not_the_last_page(faulty: FaultyRegistry, form: str) -> None:
    _pages(faulty, [["z", "b"], ["a"], [], None, ["c", "b"]], form)
    assert client_of(faulty.url).tags("team/app") == ["z", "b", "a", "c"]


def test_a_link_to_another_host_is_followed_on_our_own(faulty: FaultyRegistry, elsewhere: FaultyRegistry) -> None:
    _pages(faulty, [["a"], ["b"]], "<" + elsewhere.url + '{}>; rel="next"')
    assert client_of(faulty.url).tags("team/app") == ["a", "b"]
    assert elsewhere.asked == []


@pytest.mark.parametrize("circle", [f"{_TAGS}?n=1000", f"{_TAGS}?last=a", f"http://other{_TAGS}?last=a"])
def test_a_repeated_link_is_an_error_and_no_loop(faulty: FaultyRegistry, circle: str) -> None:
    faulty.on("GET", _TAGS, json_reply({"tags": ["a"]}, Link=f'<{circle}>; rel="next"'))
    with pytest.raises(RegistryError, match="repeats a page") as caught:
        client_of(faulty.url).tags("team/app")
    assert caught.value.fault == "unreachable"
    assert len(faulty.asked) <= 2


def test_pages_without_end_and_without_news_are_an_error(faulty: FaultyRegistry) -> None:
    def answer(asked: Asked) -> Reply:
        return json_reply({"tags": ["a"]}, Link=f'<{_TAGS}?last={len(faulty.asked)}>; rel="next"')

    faulty.on("GET", _TAGS, answer)
    with pytest.raises(RegistryError, match="nothing new"):
        client_of(faulty.url).tags("team/app")


def test_a_registry_that_dislikes_our_page_size_chooses_its_own(faulty: FaultyRegistry) -> None:
    def answer(asked: Asked) -> Reply:
        if "n=1000" in asked.path:
            return error_reply(400, "PAGINATION_NUMBER_INVALID")
        return (
            json_reply({"tags": ["a"]})
            if "last=" in asked.path
            else json_reply({"tags": ["b"]}, Link=f'<{_TAGS}?last=b>; rel="next"')
        )

    faulty.on("GET", _TAGS, answer)
    assert client_of(faulty.url).tags("team/app") == ["b", "a"]


def test_a_real_catalog_of_several_pages_is_read_whole(docker_registry: DockerRegistry) -> None:
    names = [f"team-{number % 7}/app-{number:04d}" for number in range(1203)]
    home = docker_registry.storage / "docker" / "registry" / "v2" / "repositories"
    for name in names:
        (home / name / "_layers").mkdir(parents=True)  # by which the registry knows one
    push(docker_registry, "team-0/app-0000", make_image(), "v1")
    assert client_of(docker_registry.url).repositories() == sorted(names)
