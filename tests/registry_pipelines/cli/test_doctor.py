"""`doctor` tries what the jobs will do, changes nothing, and says what to do about what does not work."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from registry_pipelines.coordinator import SignedInRunCoordinator
from resources.database.history import History
from resources.embedded_registry import EmbeddedRegistry
from tests.image_builder import make_image, push
from tests.registries import DockerRegistry
from tests.registry_pipelines.cli.calling import Ended, call

Rows = dict[tuple[str, str], dict[str, str]]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def examined(text: str, *options: str) -> tuple[Rows, Ended]:
    Path("registry_pipelines.yaml").write_text(text)
    ended = call("doctor", "--json", *options)
    rows = json.loads(ended.out)
    return {(row["subject"], row["tried"]): row for row in rows}, ended


def dump(*images: str) -> str:
    """A dump with one deployment for each image; its folder."""
    folder = Path("dump")
    folder.mkdir()
    items = [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"d{n}", "namespace": "default"},
            "spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}},
        }
        for n, image in enumerate(images)
    ]
    (folder / "deployments.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return str(folder)


def test_a_registry_that_works_is_tried_from_sign_in_to_referrers(embedded_registry: EmbeddedRegistry) -> None:
    push(embedded_registry.layout, "web/shop", make_image(), "v1")
    rows, ended = examined(f"registries: {{here: {{url: '{embedded_registry.url}'}}}}")
    assert ended.code == 0, ended.out + ended.err
    tried = {tried: row["state"] for (subject, tried), row in rows.items() if subject == "registry here"}
    assert tried == {
        "sign in": "ok",
        "list repositories": "ok",
        "read tags": "ok",
        "read a manifest": "ok",
        "referrers API": "ok",
        "deletion": "note",
    }
    assert rows["registry here", "read tags"]["told"] == "web/shop has 1 tag"


def test_a_docker_registry_is_signed_in_to_and_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "hunter2")
    with DockerRegistry(tmp_path / "registry", credentials=("me", "hunter2")) as registry:
        push(registry, "app", make_image(), "v1", auth=("me", "hunter2"))
        credentials = "{username: me, password: {env: PW}}"
        rows, ended = examined(f"registries: {{dr: {{url: '{registry.url}', credentials: {credentials}}}}}")
        assert ended.code == 0, ended.out
        assert "signed in with a password" in rows["registry dr", "sign in"]["told"]
        assert rows["registry dr", "referrers API"]["told"].startswith("not supported (404)")
        monkeypatch.setenv("PW", "hunter3")
        rows, ended = examined(f"registries: {{dr: {{url: '{registry.url}', credentials: {credentials}}}}}")
    assert ended.code == 5
    assert rows["registry dr", "sign in"]["state"] == "fails"
    assert "check `credentials`" in rows["registry dr", "sign in"]["told"]
    assert "hunter" not in ended.out + ended.err


def test_deletion_is_told_and_never_tried(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path / "registry", deletion=True) as registry:
        built = make_image()
        push(registry, "app", built, "v1")
        rows, _ = examined(f"registries: {{dr: {{url: '{registry.url}'}}}}")
        assert call("ls", registry.url).lines == ["app:v1"]
        assert "DELETE" not in (registry.log.read_text().replace("Allow", ""))
    assert rows["registry dr", "deletion"]["state"] == "note"
    assert "405 where disabled" in rows["registry dr", "deletion"]["told"]


def test_an_empty_registry_is_no_fault_but_told(embedded_registry: EmbeddedRegistry) -> None:
    rows, ended = examined(f"registries: {{here: {{url: '{embedded_registry.url}'}}}}")
    assert ended.code == 0
    assert rows["registry here", "list repositories"]["state"] == "warning"
    assert rows["registry here", "read tags"]["state"] == "note"


def test_a_configured_repository_that_is_missing_fails(embedded_registry: EmbeddedRegistry) -> None:
    rows, ended = examined(f"registries: {{here: {{url: '{embedded_registry.url}', repositories: [gone]}}}}")
    assert ended.code == 5
    assert rows["registry here", "read tags"]["state"] == "fails"


def test_a_registry_that_is_down_fails_and_the_others_are_still_tried(embedded_registry: EmbeddedRegistry) -> None:
    text = f"registries: {{down: {{url: 'http://127.0.0.1:9', retries: 0}}, here: {{url: '{embedded_registry.url}'}}}}"
    rows, ended = examined(text)
    assert ended.code == 5
    assert rows["registry down", "sign in"]["state"] == "fails"
    assert rows["registry here", "sign in"]["state"] == "ok"
    assert "1 of" in ended.err


def test_a_secret_that_is_not_there_is_told_for_its_registry() -> None:
    rows, ended = examined("registries: {a: {url: 'http://127.0.0.1:9', credentials: {token: {env: ABSENT_HERE}}}}")
    assert ended.code == 5
    assert "ABSENT_HERE is not set" in rows["registry a", "credentials"]["told"]


def test_a_context_that_does_not_exist_says_where_it_was_looked_for() -> None:
    rows, ended = examined("clusters: {prod: {context: nope}}")
    assert ended.code == 5
    assert "kubeconfig" in rows["cluster prod", "connect"]["told"]


def test_a_cluster_that_is_not_required_is_only_a_warning() -> None:
    rows, ended = examined("clusters: {lab: {context: nope, required: false}}")
    assert ended.code == 0
    assert rows["cluster lab", "connect"]["state"] == "warning"


def test_a_dump_is_read_and_hosts_without_a_registry_are_named() -> None:
    folder = dump("reg.example.com/app:1", "nginx", "other.example.com/x@sha256:" + "a" * 64)
    rows, _ = examined(f"clusters: {{old: {{dump: {folder}}}}}\nregistries: {{}}")
    assert rows["cluster old", "read image references"]["told"] == "3 references"
    for host in ("reg.example.com", "docker.io", "other.example.com"):
        row = rows["configuration", f"registry {host}"]
        assert row["state"] == "warning"
        assert "Add it to `registries`" in row["told"]


def test_a_host_that_has_a_registry_is_not_named() -> None:
    folder = dump("nginx")
    registries = "{hub: {url: 'http://127.0.0.1:9', hosts: [docker.io], retries: 0}}"
    rows, _ = examined(f"clusters: {{old: {{dump: {folder}}}}}\nregistries: {registries}")
    assert ("configuration", "registry docker.io") not in rows
    assert rows["configuration", "hosts in use"]["told"] == "1 of 1 have a registry"


def test_quick_reads_no_references() -> None:
    folder = dump("nginx")
    rows, _ = examined(f"clusters: {{old: {{dump: {folder}}}}}", "--quick")
    assert ("cluster old", "read image references") not in rows


def test_a_database_that_is_not_there_yet_is_not_made_by_looking(tmp_path: Path) -> None:
    rows, _ = examined("registries: {}")
    assert "will be made by the first run" in rows["database", "connect"]["told"]
    assert not (tmp_path / "registry_pipelines.sqlite").exists()


def test_a_database_is_told_with_its_version(tmp_path: Path) -> None:
    history = History.open(f"sqlite:///{tmp_path}/registry_pipelines.sqlite")
    history.migrate()
    history.close()
    rows, _ = examined("registries: {}")
    assert "SQLite 3." in rows["database", "connect"]["told"]
    assert rows["database", "schema"]["told"].startswith("version ")
    assert rows["database", "write"]["state"] == "ok"


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("{url: 'sqlite:///nowhere/history.sqlite'}", "does not exist; create it"),
        ("{url: 'mysql://u@h/d'}", "only `sqlite` and `postgresql+psycopg2` are known"),
        ("{url: 'postgresql://u@127.0.0.1:9/d', password: {env: ABSENT_HERE}}", "ABSENT_HERE is not set"),
        ("{url: 'postgresql://u@127.0.0.1:9/d'}", "127.0.0.1"),
    ],
)
def test_a_database_that_cannot_be_used_says_why(database: str, words: str) -> None:
    rows, ended = examined(f"database: {database}")
    assert ended.code == 5
    assert words in rows["database", "connect"]["told"]


def test_a_database_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "registry_pipelines.sqlite").write_text("this is no database, it is a text" * 100)
    rows, ended = examined("registries: {}")
    assert ended.code == 5
    assert rows["database", "connect"]["state"] == "fails"


def test_a_configuration_with_mistakes_is_told_before_anything_is_tried() -> None:
    Path("registry_pipelines.yaml").write_text("registries: {a: {}, b: {url: 5}}")
    ended = call("doctor")
    assert ended.code == 2
    assert "2 problems in registry_pipelines.yaml" in ended.err
    assert ended.out == ""


def test_the_table_cuts_nothing_off_when_it_is_piped() -> None:
    name = "n" * 300
    Path("registry_pipelines.yaml").write_text(f"clusters: {{{name}: {{context: nope}}}}")
    ended = call("doctor")
    assert f"cluster {name}" in ended.out
    assert "…" not in ended.out.replace("sha256", "")


OURS = "run_coordinator: {module: registry_pipelines.coordinator, class: SignedInRunCoordinator"
SITE = "registries: {r: {url: 'http://127.0.0.1:1'}}"
WITH_HEADER = f"{SITE}\napprovals: {{sign_in_header: X-Forwarded-Email}}"


@pytest.mark.parametrize(
    ("dagster_yaml", "site", "state", "words"),
    [
        (None, SITE, "warning", "configures none, so anyone who reaches the Dagster UI can type the run tag"),
        ("", SITE, "warning", "configures none"),
        ("telemetry: {enabled: false}", SITE, "warning", "configures none"),
        ("run_queue: {max_concurrent_runs: 3}", SITE, "warning", "configures none"),
        (
            "run_coordinator: {module: dagster.core.run_coordinator, class: QueuedRunCoordinator}",
            SITE,
            "warning",
            "configures dagster.core.run_coordinator.QueuedRunCoordinator, so anyone",
        ),
        ("run_coordinator: nonsense", SITE, "warning", "configures another one"),
        ("run_coordinator: [", SITE, "warning", "cannot be read (ParserError)"),
        (f"{OURS}}}", SITE, "ok", "registry_pipelines.coordinator.SignedInRunCoordinator in"),
        (f"{OURS}, config: {{header: x-forwarded-email}}}}", WITH_HEADER, "ok", "SignedInRunCoordinator in"),
        (
            f"{OURS}}}",
            WITH_HEADER,
            "fails",
            "reads no header, so that no approval can be given; set `header: X-Forward",
        ),
        (f"{OURS}, config: {{header: X-User}}}}", WITH_HEADER, "fails", "reads X-User, so that no approval"),
    ],
)
def test_the_run_coordinator_of_dagster_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dagster_yaml: str | None, site: str, state: str, words: str
) -> None:
    home = tmp_path / "dagster"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    if dagster_yaml is not None:
        (home / "dagster.yaml").write_text(dagster_yaml)
    row = examined(site, "--quick")[0]["dagster", "run coordinator"]
    assert row["state"] == state
    assert words in row["told"]
    assert str(home / "dagster.yaml") in row["told"]


def test_without_a_dagster_home_the_run_coordinator_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    row = examined(SITE, "--quick")[0]["dagster", "run coordinator"]
    assert (row["state"], "DAGSTER_HOME is not set" in row["told"]) == ("note", True)


@pytest.mark.parametrize("shipped", ["deploy", "quickstart"])
def test_the_files_that_ship_configure_the_coordinator(
    shipped: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry_pipelines.quickstart.folder import _DAGSTER

    root = Path(__file__).parents[3]
    text = _DAGSTER if shipped == "quickstart" else (root / "deploy" / "dagster.yaml").read_text()
    (tmp_path / "dagster.yaml").write_text(text)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert examined(SITE, "--quick")[0]["dagster", "run coordinator"]["state"] == "ok"
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:  # Dagster takes the file as a whole
        assert isinstance(instance.run_coordinator, SignedInRunCoordinator)
        assert instance.get_concurrency_config().run_queue_config is not None
