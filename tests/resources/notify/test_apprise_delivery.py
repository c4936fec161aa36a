"""Telling through Apprise: what arrives, what is said when it does not, and that no address is shown."""

from __future__ import annotations

import io
import logging
import traceback

import pytest

from registry_core.errors import ConfigError, NotificationError
from registry_core.notices import Message
from resources.configuration.notify_settings import NotificationSettings
from resources.configuration.secrets import SecretName
from resources.notify.addresses import read_addresses
from resources.notify.apprise_delivery import deliver, redacted
from resources.notify.audiences import open_audiences
from tests.receiver import Receiver, receiving

MESSAGE = Message("findings", "Findings in harbor", "web is missing", "failure", "https://dagster.example.com/x")
SECRET = "hook-of-T0PSECRET"


@pytest.fixture
def urls(monkeypatch: pytest.MonkeyPatch) -> SecretName:
    monkeypatch.setenv("NOTIFY_URLS", "")
    return SecretName(env="NOTIFY_URLS")


def holding(urls: SecretName, monkeypatch: pytest.MonkeyPatch, text: str) -> SecretName:
    assert urls.env
    monkeypatch.setenv(urls.env, text)
    return urls


def test_a_message_arrives_with_its_gravity_and_its_link(
    receiver: Receiver, urls: SecretName, monkeypatch: pytest.MonkeyPatch
) -> None:
    [address] = read_addresses(holding(urls, monkeypatch, receiver.apprise(SECRET)))
    deliver(address, MESSAGE)
    [arrived] = receiver.messages(f"/{SECRET}")
    assert (arrived["title"], arrived["type"]) == ("Findings in harbor", "failure")
    assert arrived["message"] == "web is missing\n\nhttps://dagster.example.com/x"


def test_several_urls_are_several_addresses_and_notes_are_none(
    urls: SecretName, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "# the platform team\njson://127.0.0.1/a json://127.0.0.1/b\n\nmailto://user:word@example.com\n"
    addresses = read_addresses(holding(urls, monkeypatch, text))
    assert [address.name for address in addresses] == [
        "{env: NOTIFY_URLS} 1, json", "{env: NOTIFY_URLS} 2, json", "{env: NOTIFY_URLS} 3, mailto",
    ]  # fmt: skip


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_refusal_is_told_and_may_pass(
    receiver: Receiver, urls: SecretName, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    receiver.answers[f"/{SECRET}"] = status
    [address] = read_addresses(holding(urls, monkeypatch, receiver.apprise(SECRET)))
    with pytest.raises(NotificationError, match=f"env: NOTIFY_URLS.*{status}") as caught:
        deliver(address, MESSAGE)
    assert caught.value.retryable


def test_no_address_is_shown_in_any_failure_or_log(urls: SecretName, monkeypatch: pytest.MonkeyPatch) -> None:
    # A handler of the program, as Dagster installs one; pytest's own also listens to loggers that do not propagate.
    logged = io.StringIO()
    handler, root = logging.StreamHandler(logged), logging.getLogger()
    monkeypatch.setattr(root, "handlers", [handler])
    monkeypatch.setattr(root, "level", logging.DEBUG)
    root.debug("heard")
    url = f"json://someone:{SECRET}@127.0.0.1:9/{SECRET}"
    [address] = read_addresses(holding(urls, monkeypatch, url))
    with pytest.raises(NotificationError) as caught:
        deliver(address, MESSAGE)
    shown = "".join(traceback.format_exception(caught.value)) + logged.getvalue() + repr(address)
    assert "heard" in logged.getvalue()
    assert SECRET not in shown
    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("# nothing yet", "holds no Apprise URL"),
        (f"nonsense://{SECRET}", "URL 1 has a scheme that Apprise does not know \\(`nonsense`\\)"),
        (f"json://127.0.0.1/a slack://{SECRET}", "URL 2 is not complete"),
        (SECRET, "text 1 is no URL"),
    ],
)
def test_what_is_no_url_is_told_by_its_number(
    urls: SecretName, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read_addresses(holding(urls, monkeypatch, text))
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_one_secret_that_is_not_there_silences_no_other(
    receiver: Receiver, urls: SecretName, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = NotificationSettings(urls=holding(urls, monkeypatch, receiver.apprise("a")))
    audiences, troubles = open_audiences([NotificationSettings(urls=SecretName(env="NOT_THERE")), good])
    assert [audience.key for audience in audiences] == ["{env: NOTIFY_URLS} 1, json"]
    assert "NOT_THERE" in str(troubles[0])


def test_every_part_of_a_url_is_taken_out_of_what_was_said() -> None:
    said = "2026-01-01 10:00:00,000 - WARNING - Failed to send to https://host.example/abc/T0KEN: error=404."
    assert redacted(said, "slack://T0KEN/abc@host.example") == "Failed to send to https://…/abc/…: error=404"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_message_follows_no_redirect_and_is_not_called_delivered(
    receiver: Receiver, urls: SecretName, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    receiver.answers[f"/{SECRET}"] = status
    with receiving() as elsewhere:
        receiver.location = f"{elsewhere.url}/{SECRET}"
        [address] = read_addresses(holding(urls, monkeypatch, receiver.apprise(SECRET)))
        with pytest.raises(NotificationError, match="could not tell"):
            deliver(address, MESSAGE)
        assert elsewhere.received == []
    assert len(receiver.received) == 1
