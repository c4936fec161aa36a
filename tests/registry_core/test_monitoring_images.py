"""`/_images.json` and `/_report.csv`, in the predecessor's shapes."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

from registry_core.monitoring_images import images_document
from registry_core.monitoring_report import report_csv
from tests.registry_core.monitored import HOST, NOW, digest, failing, finding, inventory, report, troubles, use

WEB = f"{HOST}/shop/web:v1"
NONE = dict.fromkeys(("Running", "Pending", "Succeeded", "Failed", "Unknown", "ImagePullBackOff"), False)


def document(*rows: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return images_document(inventory(*rows), {"main": NOW})


def test_an_image_has_its_phases_and_its_pods() -> None:
    found = document(
        use(WEB, status_digest=digest("a")),
        failing(WEB, node="node2"),
        use(WEB, "web-0", state="terminated", reason="Error", since=NOW - timedelta(days=2, hours=12)),
    )
    assert found == {
        WEB: {
            "_phase": NONE | {"Running": True, "Pending": True, "Failed": True, "ImagePullBackOff": True},
            "_last_wanted": 0,
            "_digest": digest("a"),
            "_cronjob": False,
            "k8s;main;shop;web-1": NONE | {"Running": True, "_last_wanted": 0, "_node": "node1"},
            "k8s;main;shop;web-2": NONE
            | {"Pending": True, "ImagePullBackOff": True, "_last_wanted": 0, "_node": "node2"},
            "k8s;main;shop;web-0": NONE | {"Failed": True, "_last_wanted": 2.5, "_node": "node1"},
        }
    }


def test_a_cronjob_wants_its_image_now_though_nothing_runs() -> None:
    found = document(use(WEB, kind="CronJob", owner_kind="CronJob", state="template", node=None))
    assert found[WEB] == {"_phase": NONE, "_last_wanted": 0, "_digest": None, "_cronjob": True}


def test_what_ended_was_last_wanted_then() -> None:
    ended = use(WEB, state="terminated", reason="Completed", since=NOW - timedelta(days=40))
    assert document(ended)[WEB]["_last_wanted"] == 40


def test_one_pod_with_two_containers_of_one_image_stands_once() -> None:
    found = document(use(WEB), use(WEB, container="side", state="waiting", reason="ContainerCreating"))
    pod = found[WEB]["k8s;main;shop;web-1"]
    assert (pod["Running"], pod["Pending"]) == (True, True)


def test_csv_has_lists_as_the_predecessor_wrote_them() -> None:
    lost = report([finding("reference", "missing", "shop/web", tag="v1")])
    text = report_csv(troubles([use(WEB), failing(WEB)], lost))
    assert text.splitlines()[0] == "tag,wrongs,namespaces,phase"
    (row,) = csv.DictReader(io.StringIO(text))
    assert row == {
        "tag": WEB,
        "wrongs": "['no digest', 'ImagePullBackOff']",
        "namespaces": "['main;shop']",
        "phase": "['ImagePullBackOff', 'Pending', 'Running']",
    }


def test_a_spreadsheet_sees_no_formula() -> None:
    trap = failing('=HYPERLINK("x")', registry=None, repository=None, invalid="no reference")
    (row,) = csv.DictReader(io.StringIO(report_csv(troubles([trap]))))
    assert row["tag"] == '\'=HYPERLINK("x")'
