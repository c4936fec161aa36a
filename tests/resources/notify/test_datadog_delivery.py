"""Events and counts for Datadog, against a receiver that stands for its API."""

from __future__ import annotations

import sys
import traceback

import pytest

from registry_core.errors import ConfigError, NotificationError
from registry_core.notices import Message
from resources.configuration.notify_settings import DatadogSettings
from resources.notify.datadog_delivery import Count, send_counts, send_event
from tests.receiver import Receiver, receiving

KEY = "0123456789abcdef0123456789abcdef"
MESSAGE = Message("findings", "Findings in harbor", "web is missing", "failure")


@pytest.fixture
def settings(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> DatadogSettings:
    pytest.importorskip("datadog", reason="install the extra `datadog` to run this")
    monkeypatch.setenv("DD_KEY_OF_TEST", KEY)
    document = {"api_key": {"env": "DD_KEY_OF_TEST"}, "address": receiver.url, "tags": ["team:platform"]}
    return DatadogSettings.model_validate(document)


def test_an_event_arrives_with_its_gravity_and_tags(receiver: Receiver, settings: DatadogSettings) -> None:
    send_event(settings, MESSAGE)
    [arrived] = receiver.received
    assert arrived.path.startswith("/api/v1/events")
    assert arrived.headers["DD-API-KEY"] == KEY
    assert (arrived.body["title"], arrived.body["alert_type"]) == ("Findings in harbor", "error")
    assert arrived.body["tags"] == ["team:platform", "subject:findings"]


def test_counts_are_gauges_in_one_request(receiver: Receiver, settings: DatadogSettings) -> None:
    send_counts(settings, [Count("findings", 3, ("registry:harbor",)), Count("plans_waiting", 1)])
    [arrived] = receiver.received
    found = {one["metric"]: (one["points"][0][1], one["type"], one["tags"]) for one in arrived.body["series"]}
    assert found == {
        "registry_pipelines.findings": (3.0, "gauge", ["team:platform", "registry:harbor"]),
        "registry_pipelines.plans_waiting": (1.0, "gauge", ["team:platform"]),
    }


def test_a_key_that_is_refused_is_told_and_not_shown(receiver: Receiver, settings: DatadogSettings) -> None:
    receiver.answers["/api/v1/events"] = 403
    receiver.body = b'{"errors": ["Forbidden: 0123456789abcdef0123456789abcdef"]}'
    with pytest.raises(NotificationError, match="refused the request") as caught:
        send_event(settings, MESSAGE)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.fault == "forbidden"


@pytest.mark.parametrize("body", [b"<html>a proxy</html>", b""])
def test_an_answer_that_is_no_json_is_a_failure_that_may_pass(
    receiver: Receiver, settings: DatadogSettings, body: bytes
) -> None:
    receiver.answers["/api/v1/events"] = 502
    receiver.body = body
    with pytest.raises(NotificationError, match="could not tell Datadog at"):
        send_event(settings, MESSAGE)


def test_a_datadog_that_is_not_there_is_a_failure_that_may_pass(settings: DatadogSettings) -> None:
    nobody = settings.model_copy(update={"address": "http://127.0.0.1:9"})
    with pytest.raises(NotificationError) as caught:
        send_event(nobody, MESSAGE)
    assert (caught.value.fault, caught.value.retryable) == ("unreachable", True)


def test_without_the_extra_the_way_to_install_it_is_told(
    settings: DatadogSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datadog", None)
    with pytest.raises(ConfigError, match=r"pip install 'registry-pipelines\[datadog\]'"):
        send_event(settings, MESSAGE)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_key_follows_no_redirect(receiver: Receiver, settings: DatadogSettings, status: int) -> None:
    receiver.answers["/api/v1/events"] = status
    with receiving() as elsewhere:
        receiver.location = f"{elsewhere.url}/api/v1/events"
        with pytest.raises(NotificationError, match="redirects") as caught:
            send_event(settings, MESSAGE)
        assert elsewhere.received == []
    assert KEY not in "".join(traceback.format_exception(caught.value))
