"""The site's file: all its problems at once, each with its place, none with a secret."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from registry_core.errors import ConfigError, Problem
from resources.configuration.load import LoadedSite, find_site_file, load_site


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "registry_pipelines.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def loaded(folder: Path, text: str) -> LoadedSite:
    return load_site(written(folder, text))


def problems(folder: Path, text: str | bytes, monkeypatch: pytest.MonkeyPatch | None = None) -> list[Problem]:
    if monkeypatch:
        monkeypatch.chdir(folder)
    with pytest.raises(ConfigError) as caught:
        load_site(written(folder, text))
    return list(caught.value.problems)


def the_problem(folder: Path, text: str | bytes) -> Problem:
    (only,) = problems(folder, text)
    return only


WHOLE = """
clusters:
  prod: {context: prod-eu, kubeconfig: ~/kube, custom_resources: []}
  old: {dump: dumps/old, environment: staging, required: false}
registries:
  harbor:
    url: https://harbor.example.com:8443/
    hosts: [harbor.example.com, mirror.example.com]
    credentials: {username: robot$x, password: {file: secrets/harbor}}
    tls: {ca: ca.pem}
    timeout: 90s
  hub:
    url: https://registry-1.docker.io
    credentials: {kubernetes_secret: platform/pull, cluster: prod}
severity: {production: error, staging: warning}
"""


def test_a_whole_site_is_read(tmp_path: Path) -> None:
    site = loaded(tmp_path, WHOLE).site
    assert set(site.clusters) == {"prod", "old"}
    assert site.registries["harbor"].timeout == timedelta(seconds=90)
    assert site.registry_of_host("Mirror.example.com") == "harbor"
    assert site.registry_of_host("docker.io") == "hub"
    assert site.registry_of_host("nowhere.example") is None
    assert site.severity_of("testing") == "warning"


def test_paths_start_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    site = loaded(tmp_path, WHOLE).site
    harbor = site.registries["harbor"]
    assert harbor.tls.ca == str(tmp_path / "ca.pem")
    assert harbor.credentials is not None
    assert harbor.credentials.password is not None
    assert harbor.credentials.password.file == str(tmp_path / "secrets/harbor")
    assert site.clusters["old"].dump == str(tmp_path / "dumps/old")
    assert site.clusters["prod"].kubeconfig == "/home/somebody/kube"


def test_the_history_lies_beside_the_file_unless_told_otherwise(tmp_path: Path) -> None:
    site = loaded(tmp_path, "registries: {}")
    assert site.database_url == site.site.database.url == f"sqlite:///{tmp_path}/registry_pipelines.sqlite"
    moved = loaded(tmp_path, "database: {url: 'sqlite:///data/history.sqlite'}")
    assert moved.database_url == f"sqlite:///{tmp_path}/data/history.sqlite"
    postgres = loaded(tmp_path, "database: {url: 'postgresql+psycopg2://me@db/x', password: {env: PW}}")
    assert postgres.database_url == "postgresql+psycopg2://me@db/x"


def test_a_section_that_is_all_comments_is_empty(tmp_path: Path) -> None:
    assert loaded(tmp_path, "clusters:\n  # prod:\nregistries:\n").site.clusters == {}


def test_all_problems_of_a_file_are_told_at_once_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = problems(
        tmp_path,
        """\
clusters:
  prod:
    context: prod
    pagesize: 5
registries:
  harbor:
    url: ftp://harbor
    timeout: soon
  ghcr:
    connections: 0
    retries: many
  spare:
    url: https://a.example
    credentials: {kubernetes_secret: a/b, cluster: nope}
wardrobes: 3
""",
        monkeypatch,
    )
    assert [problem.place for problem in found] == [
        "registry_pipelines.yaml:4 clusters.prod.pagesize",
        "registry_pipelines.yaml:7 registries.harbor.url",
        "registry_pipelines.yaml:8 registries.harbor.timeout",
        "registry_pipelines.yaml:9 registries.ghcr.url",
        "registry_pipelines.yaml:10 registries.ghcr.connections",
        "registry_pipelines.yaml:11 registries.ghcr.retries",
        "registry_pipelines.yaml:14 registries.spare.credentials.cluster",
        "registry_pipelines.yaml:15 wardrobes",
    ]
    assert found[0].message == "`pagesize` is not known here; did you mean `page_size`?"
    assert "write 1 or more, not `0`" in found[4].message
    assert "write a whole number, not `many`" in found[5].message
    assert "known are clusters, registries" in found[7].message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("registries: {a: {url: 5}}", "write a text, not `5`"),
        ("registries: {a: {url: [x]}}", "write a text, not a list"),
        ("registries: {a: {}}", "`url` is missing (address: "),
        ("registries: {a: }", "write keys and values (`key: value`), not nothing"),
        ("registries: [a]", "write keys and values (`key: value`), not a list"),
        ("registries: {a: {url: 'https://x', hosts: x}}", "write a list"),
        ("registries: {a: {url: 'https://x', connections: 1.5}}", "write a whole number, not `1.5`"),
        ("registries: {a: {url: 'https://x', requests_per_second: fast}}", "write a number, not `fast`"),
        ("registries: {a: {url: 'https://x', tls: {insecure: perhaps}}}", "write `true` or `false`, not `perhaps`"),
        ("registries: {a: {url: 'https://x', timeout: 30}}", "write a span of time as a number and one of"),
        ("registries: {a: {url: 'https://x', timeout: 999999999999d}}", "span"),
        ("registries: {'a b': {url: 'https://x'}}", "`a b` cannot be a name here"),
        ("clusters: {p: {context: a, in_cluster: true}}", "choose one way to reach the cluster"),
        ("clusters: {p: {server: 'https://x'}}", "`server` needs `token`"),
        ("limits: {max_evicted_share: 2}", "write 1.0 or less, not `2`"),
        ("severity: {production: fatal}", "write 'error' or 'warning', not `fatal`"),
        ("clusters: {p: {context: a, custom_resources: [{resource: x, kind: X, paths: []}]}}", "group/version"),
        ("database: {url: history.sqlite}", "write a SQLAlchemy URL"),
    ],
)
def test_a_wrong_value_is_told_in_words_of_a_person(tmp_path: Path, text: str, words: str) -> None:
    told = " | ".join(problem.message for problem in problems(tmp_path, text))
    assert words in told
    for jargon in ("Input should", "validation error", "pydantic", "str_type", "valid dictionary"):
        assert jargon not in told


@pytest.mark.parametrize(
    "text",
    [
        "registries: {a: {url: 'https://x', credentials: {username: u, password: hunter2}}}",
        "registries: {a: {url: 'https://x', credentials: {token: hunter2}}}",
        "registries: {a: {url: 'https://x', credentials: {token: [hunter2]}}}",
        "registries: {a: {url: 'https://x', credentials: {token: {env: 'hunter2!'}}}}",
        "registries: {a: {url: 'https://x', credentials: {token: {file: {hunter2: hunter2}}}}}",
        "registries: {a: {url: 'https://x', credentials: hunter2}}",
        "registries: {a: {url: 'https://x', password: hunter2}}",
        "registries: {a: {url: 'https://u:hunter2@x'}}",
        "registries: {a: {url: 'https://x', tls: {ca: 5}, credentials: {passwort: hunter2}}}",
        "clusters: {a: {server: 'https://x', token: hunter2}}",
        "database: {url: 'postgresql://u:hunter2@h/d'}",
        "database: {password: hunter2}",
        "registries: {a: {url: 'https://x', credentials: {token: *hunter2 }}}",
        "registries: {a: {url: 'https://x', credentials: {token: !hunter2 x}}}",
        "registries: {a: {url: 'https://x', credentials: {token: @hunter2}}}",
        "password: 'hunter2",
        "password: hunter2: x",
        "- hunter2",
        "hunter2",
    ],
)
def test_a_secret_written_in_clear_is_never_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_site(written(tmp_path, text))
    shown = f"{caught.value}{caught.value!r}{caught.value.__cause__!r}{caught.value.problems!r}"
    assert "hunter2" not in shown.replace("`hunter2` is not known here", "")


def test_a_secret_written_in_clear_is_told_what_to_write_instead(tmp_path: Path) -> None:
    problem = the_problem(tmp_path, "database:\n  password: hunter2")
    assert problem.place.endswith(":2 database.password")
    assert problem.message == "write where the secret is, never the secret: {env: NAME} or {file: PATH}"


def test_a_key_given_twice_is_an_error_with_both_lines(tmp_path: Path) -> None:
    problem = the_problem(tmp_path, "clusters:\n  a: {context: x}\n  b: {context: y}\n  a: {context: z}\n")
    assert problem.message == "`a` is given twice, on lines 2 and 4; keep one"


def test_a_key_that_yaml_takes_for_something_else_is_told(tmp_path: Path) -> None:
    problem = the_problem(tmp_path, "severity:\n  production: error\n  on: error\n")
    assert problem.message == '`on` is no text to YAML; put the key in quotes: `"on"`'


def test_two_registries_cannot_claim_one_host(tmp_path: Path) -> None:
    text = "registries:\n  a: {url: 'https://x', hosts: [R.example]}\n  b: {url: 'https://r.example'}\n"
    problem = the_problem(tmp_path, text)
    assert problem.place.endswith(":3 registries.b.url")
    assert "`r.example` belongs to the registry `a` already" in problem.message


def test_a_pull_secret_cannot_come_out_of_a_dump(tmp_path: Path) -> None:
    text = """
clusters: {old: {dump: d}}
registries: {a: {url: 'https://x', credentials: {kubernetes_secret: n/s, cluster: old}}}
"""
    assert "secrets are not in a dump" in the_problem(tmp_path, text).message


def test_one_fault_does_not_hide_another_across_entries(tmp_path: Path) -> None:
    text = """
clusters: {broken: {context: 5}}
registries:
  a: {url: 'https://r.example', timeout: soon}
  b: {url: 'https://s.example', credentials: {kubernetes_secret: n/s, cluster: broken}}
  c: {url: 'https://s.example'}
"""
    told = [problem.message for problem in problems(tmp_path, text)]
    assert len(told) == 3  # 5 for a text, the span, one registry twice; nothing untrue about `broken`
    assert any("is the registry `b` already" in message for message in told)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("clusters:\n\tprod: x\n", 2, "a tab stands here"),
        ("clusters: {a: [b\n", 2, "not YAML"),
        ("a: b: c\n", 1, "not YAML: a `:` stands where none can be"),
        ("a: 'x\n", 2, "a quote is opened and never closed"),
        ("clusters:\n  a: x\n b: y\n", 3, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "several documents"),
        ("a: 1\nb: \x07\n", 2, "control character"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
        ("a: &x [*x]\n", 1, "unfold without end"),
    ],
)
def test_a_file_that_is_not_yaml_is_told_with_its_line(
    tmp_path: Path, text: str | bytes, line: int, words: str
) -> None:
    problem = the_problem(tmp_path, text)
    assert f".yaml:{line}" in problem.place
    assert words in problem.message


def test_aliases_that_unfold_into_gigabytes_are_refused(tmp_path: Path) -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 20)}]" for n in range(1, 12))
    assert "unfold without end" in the_problem(tmp_path, f"l0: &l0 [x, x]\n{levels}\n").message


def test_what_cannot_be_a_value_is_one_sentence(tmp_path: Path) -> None:
    assert "put texts in quotes" in the_problem(tmp_path, "a: 2024-13-45\n").message


@pytest.mark.parametrize("text", ["", "# only a comment\n"])
def test_an_empty_file_says_how_to_fill_it(tmp_path: Path, text: str) -> None:
    assert "registry-pipelines init" in the_problem(tmp_path, text).message


def test_a_file_without_keys_says_what_to_write(tmp_path: Path) -> None:
    assert "write keys and values" in the_problem(tmp_path, "---\n").message


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make one with `registry-pipelines init`"):
        load_site(tmp_path / "nowhere.yaml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="this is a folder"):
        load_site(tmp_path)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert load_site(written(tmp_path, b"\xef\xbb\xbfclusters: {}\n")).site.clusters == {}


def test_the_file_is_named_by_the_environment_else_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REGISTRY_PIPELINES_CONFIG", raising=False)
    assert find_site_file() == tmp_path / "registry_pipelines.yaml"
    monkeypatch.setenv("REGISTRY_PIPELINES_CONFIG", "elsewhere.yaml")
    assert find_site_file() == tmp_path / "elsewhere.yaml"


def test_problems_of_policies_are_told_with_their_lines(tmp_path: Path) -> None:
    def check(policies: object) -> None:
        assert policies == [{"repositories": ["**"]}, {"keep_lst": 3}]
        raise ConfigError([Problem("policies[1].keep_lst", "is not known")])

    path = written(tmp_path, "policies:\n  - repositories: ['**']\n  - keep_lst: 3\nx: 1\n")
    with pytest.raises(ConfigError) as caught:
        load_site(path, check_policies=check)
    assert [problem.place.partition(":")[2] for problem in caught.value.problems] == ["3 policies.1.keep_lst", "4 x"]
