"""The names of registries in a site's file: what is no host, one registry twice, one name for two, rewritten names."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_core.host_names import why_no_host
from registry_core.registry_directory import Home
from tests.resources.configuration.test_load import loaded, problems, the_problem

HOST = "registry.example.com"

#: What may be written as a host, and the sentence.
NO_HOSTS = {
    f"https://{HOST}": f"`https://{HOST}` is no host; write `{HOST}`",
    f"HTTPS://{HOST}/v2/": f"`HTTPS://{HOST}/v2/` is no host; write `{HOST}`",
    f"http://{HOST}:80": f"`http://{HOST}:80` is no host; write `{HOST}`",
    f"http://{HOST}:5000": f"`http://{HOST}:5000` is no host; write `{HOST}:5000`",
    f"{HOST}/": f"`{HOST}/` is no host; write `{HOST}`",
    f"{HOST}.": f"`{HOST}.` is no host; write `{HOST}`",
    f"{HOST}:": f"`{HOST}:` is no host; write `{HOST}`",
    f" {HOST} ": f"` {HOST} ` is no host; write `{HOST}`",
    f"{HOST}\n": f"`{HOST}\N{REPLACEMENT CHARACTER}` is no host; write `{HOST}`",
    f"robot:hunter2@{HOST}": f"`…@{HOST}` is no host; write `{HOST}`",
    f"https://robot:hun/ter2@{HOST}": f"`https://…@{HOST}` is no host; write `{HOST}`",
    "::1": "`::1` is no host; write `[::1]`",
    "bücher.example": "`bücher.example` is no host; write `xn--bcher-kva.example`",
    "*.example.com": "`*.example.com` is no host: patterns are not read here; write each host",
    f"{HOST}:99999": f"`{HOST}:99999` is no host: a port is a number from 1 to 65535",
    f"{HOST}:0": f"`{HOST}:0` is no host: a port is a number from 1 to 65535",
    f"{HOST}:{'9' * 5000}": "is no host: a port is a number from 1 to 65535",
    f"{HOST}:latest": f"`{HOST}:latest` is no host: what follows the `:` is no port; a port is a number from 1 to"
    " 65535",
    "registry...example.com": "`registry...example.com` is no host: a part between two dots is empty",
    "my_registry.example.com": "`my_registry.example.com` is no host: no reference can name a host with `_`",
    "[::zz]:5000": "`[::zz]:5000` is no host: what is between `[` and `]` is no IPv6 address",
    "": "an empty text is no host; write one like `registry.example.com`, or remove it",
    f"localhost:7439/{HOST}": f"`localhost:7439/{HOST}` is no host, it has a path; write `localhost:7439`, or, where a"
    f" webhook or a proxy writes this before the names of images, `also_known_as: [{{prefix: localhost:7439/{HOST}}}]`",
}

HOSTS = [
    HOST,
    "REGISTRY.example.com:443",
    f"{HOST}:0443",
    "localhost:5000",
    "[::1]:5000",
    "10.0.0.7",
    "xn--bcher-kva.example",
]


@pytest.mark.parametrize("host", NO_HOSTS)
def test_what_is_no_host_is_a_problem_with_line_and_key(tmp_path: Path, host: str) -> None:
    written = host.encode("unicode_escape").decode("ascii").replace('"', '\\"')
    problem = the_problem(tmp_path, f'registries:\n  old:\n    url: "https://r.example"\n    hosts: ["{written}"]\n')
    assert problem.place.endswith(":4 registries.old.hosts.0"), problem.place
    assert problem.message.endswith(NO_HOSTS[host])
    assert "hunter2" not in problem.message


def test_each_of_several_hosts_has_a_line_of_its_own(tmp_path: Path) -> None:
    hosts = '    - good.example\n    - bad.example/\n    - "*"\n'
    text = f'registries:\n  old:\n    url: "https://r.example"\n    hosts:\n{hosts}'
    assert [one.place.rpartition(":")[2] for one in problems(tmp_path, text)] == [
        "6 registries.old.hosts.1",
        "7 registries.old.hosts.2",
    ]


@pytest.mark.parametrize("host", HOSTS)
def test_any_spelling_of_a_host_is_taken(tmp_path: Path, host: str) -> None:
    site = loaded(tmp_path, f'registries: {{old: {{url: "https://r.example", hosts: ["{host}"]}}}}').site
    assert site.registry_of_host(host.upper()) == "old"
    assert why_no_host(host) is None


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://r.example:99999", "`https://r.example:99999` is no address: a port is a number from 1 to 65535"),
        ("https://r...example", "`https://r...example` is no address: a part between two dots is empty"),
        ("http://[::zz]", "`http://[::zz]` is no address: what is between `[` and `]` is no IPv6 address"),
        ("http://r.example:x", "`http://r.example:x` is no address: what follows the `:` is no port"),
    ],
)
def test_an_address_without_a_host_is_a_problem(tmp_path: Path, url: str, sentence: str) -> None:
    problem = the_problem(tmp_path, f'registries:\n  old: {{url: "{url}"}}\n')
    assert problem.place.endswith(":2 registries.old.url")
    assert problem.message.startswith(sentence)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://GHCR.IO", "ghcr.io"),
        ("https://GHCR.IO/", "ghcr.io"),
        ("https://ghcr.io:443", "GHCR.io"),
        ("http://r.example:80", "r.example"),
        ("http://r.example", "r.example:80"),
        ("https://registry-1.docker.io", "index.docker.io"),
        ("http://127.0.0.1:5000", "localhost:5000"),
        ("https://r.example.", "r.example"),
    ],
)
def test_a_registry_is_known_by_the_host_of_its_address(tmp_path: Path, url: str, named: str) -> None:
    assert loaded(tmp_path, f'registries: {{it: {{url: "{url}"}}}}').site.registry_of_host(named) == "it"


def test_the_host_of_the_address_counts_beside_hosts_but_not_where_it_is_the_own_machine(tmp_path: Path) -> None:
    site = loaded(
        tmp_path,
        """
registries:
  far: {url: "https://backend.example", hosts: [registry.example.com]}
  near: {url: "http://127.0.0.1:5000", hosts: [near.example.com]}
""",
    ).site
    assert site.registry_of_host("backend.example") == "far"
    assert site.registry_of_host("localhost:5000") is None, "in a reference it is the node"


@pytest.mark.parametrize(
    "second",
    [
        '{url: "https://R.example:443/"}',
        '{url: "http://r.example", hosts: [other.example]}',
        '{url: "https://r.example.", hosts: [other.example]}',
    ],
)
def test_one_registry_cannot_have_two_entries(tmp_path: Path, second: str) -> None:
    problem = the_problem(tmp_path, f'registries:\n  a: {{url: "https://r.example"}}\n  b: {second}\n')
    assert problem.place.endswith(":3 registries.b.url")
    assert "is the registry `a` already; a registry has one entry, so drop one of the two" in problem.message


def test_the_own_machine_has_one_identity(tmp_path: Path) -> None:
    text = 'registries:\n  a: {url: "http://127.0.0.1:5000"}\n  b: {url: "http://localhost:5000"}\n'
    assert "`http://localhost:5000` is the registry `a` already" in the_problem(tmp_path, text).message


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("[R.example]", "[r.example:443]", "r.example:443"),
        ("[docker.io]", "[registry-1.docker.io]", "registry-1.docker.io"),
        ("['[::1]:5000']", "['[0:0::1]:5000']", "[0:0::1]:5000"),
        ("[b.example]", "[c.example]", "b.example"),
    ],
)
def test_one_host_cannot_name_two_registries(tmp_path: Path, first: str, second: str, shared: str) -> None:
    text = (
        f'registries:\n  a: {{url: "https://a.example", hosts: {first}}}\n'
        f'  b: {{url: "https://b.example", hosts: {second}}}\n'
    )
    assert f"`{shared}` belongs to the registry `a` already" in the_problem(tmp_path, text).message


def test_rewritten_names_lead_to_their_originals(tmp_path: Path) -> None:
    site = loaded(
        tmp_path,
        """
registries:
  old:
    url: "http://127.0.0.1:5000"
    hosts: [registry.example.com]
    also_known_as:
      - prefix: localhost:7439/registry.example.com
      - {prefix: harbor.example.com/proxy-hub, of: docker.io}
  harbor: {url: "https://harbor.example.com", also_known_as: [{prefix: proxy.example.com, of: harbor}]}
""",
    ).site
    assert site.directory.homes("localhost:7439", "registry.example.com/app")[-1] == Home("old", HOST, "app")
    assert site.directory.homes("harbor.example.com", "proxy-hub/redis") == (
        Home("harbor", "harbor.example.com", "proxy-hub/redis"),
        Home(None, "docker.io", "library/redis"),
    )
    assert site.directory.original("proxy.example.com", "a/b") == Home("harbor", "harbor.example.com", "a/b")


@pytest.mark.parametrize(
    ("entry", "key", "sentence"),
    [
        ("{prefix: https://m.example/a}", "prefix", "is no prefix of names; write `m.example/a`"),
        ("{prefix: m.example/}", "prefix", "is no prefix of names; write `m.example`"),
        ("{prefix: m.example/A}", "prefix", "is no prefix of names: after the host come segments"),
        ("{prefix: 'm.example/*'}", "prefix", "is no prefix of names: after the host come segments"),
        ("{prefix: 'm.example/a:1'}", "prefix", "is no prefix of names: after the host come segments"),
        ("{prefix: ''}", "prefix", "an empty text is no host"),
        ("{prefix: 'm.example:70000/a'}", "prefix", "a port is a number from 1 to 65535"),
        ("{prefix: m.example, of: https://docker.io}", "of", "`https://docker.io` is no host; write `docker.io`"),
        ("{prefix: m.example, of: no_such}", "of", "(and no registry here is called so)"),
        ("{of: docker.io}", "prefix", "`prefix` is missing"),
    ],
)
def test_a_rewritten_name_that_cannot_be_one_is_a_problem(tmp_path: Path, entry: str, key: str, sentence: str) -> None:
    problem = the_problem(
        tmp_path, f'registries:\n  r:\n    url: "https://r.example"\n    also_known_as:\n    - {entry}\n'
    )
    assert problem.place.endswith(f":5 registries.r.also_known_as.0.{key}")
    assert sentence in problem.message


def test_one_beginning_cannot_be_rewritten_to_two_registries(tmp_path: Path) -> None:
    text = """
registries:
  a: {url: "https://a.example", also_known_as: [{prefix: "m.example:443/x"}]}
  b: {url: "https://b.example", also_known_as: [{prefix: M.example/x}, {prefix: m.example/y, of: a}]}
"""
    problem = the_problem(tmp_path, text)
    assert problem.place.endswith(":4 registries.b.also_known_as.0.prefix")
    assert "`M.example/x` is also known as `a.example` by the registry `a`" in problem.message
    same = text.replace("{prefix: M.example/x}", "{prefix: M.example/x, of: a}")
    assert loaded(tmp_path, same).site.directory.original("m.example", "x/app").registry == "a"


@pytest.mark.parametrize("section", ["clusters", "registries", "migrations", "replications", "cutovers", "events"])
def test_three_dots_cannot_be_in_a_name(tmp_path: Path, section: str) -> None:
    """Case 09: Dagster takes `...` for a range of partitions, and would not load the site."""
    entry = {
        "clusters": "{dump: d}",
        "registries": '{url: "https://r.example"}',
        "migrations": "{from: r, to: s, what: {all: true}}",
        "replications": "{from: r, to: s, what: {all: true}}",
        "cutovers": "{clusters: [], from: r, to: s}",
        "events": "{registry: r, kind: harbor, unsigned: true}",
    }[section]
    found = problems(tmp_path, f'{section}:\n  "prod...eu": {entry}\n')
    (problem,) = [one for one in found if "Dagster" in one.message]
    assert problem.place.endswith(f":2 {section}.prod...eu")
    assert problem.message == "`...` cannot be in a name: Dagster reads it as a range of partitions; rename `prod...eu`"
