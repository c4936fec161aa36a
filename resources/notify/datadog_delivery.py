"""Events and counts for Datadog, by its own library, which is an extra and has one global configuration."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry_core.errors import ConfigError, NotificationError
from registry_core.notices import Message
from resources.configuration.notify_settings import DatadogSettings
from resources.configuration.secrets import read_secret
from resources.unredirected_session import UnredirectedSession

_TIMEOUT_SECONDS = 8
_ALERTS = {"failure": "error", "warning": "warning", "info": "info", "success": "success"}

#: The library keeps its key in module globals: one delivery at a time.
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class Count:
    """One number at this moment, with tags (`registry:harbor`)."""

    name: str
    value: float
    tags: tuple[str, ...] = ()


def send_event(settings: DatadogSettings, message: Message) -> None:
    """Raises NotificationError, and ConfigError where the extra or the key is not there."""
    with _LOCK:
        api = _configured(settings)
        answer = _asked(
            settings,
            lambda: api.Event.create(
                title=message.title,
                text=message.text,
                alert_type=_ALERTS[message.gravity],
                source_type_name="registry_pipelines",
                aggregation_key=f"registry_pipelines {message.subject}",
                tags=[*settings.tags, f"subject:{message.subject}"],
                attach_host_name=False,
            ),
        )
    _accepted(settings, answer)


def send_counts(settings: DatadogSettings, counts: Sequence[Count]) -> None:
    """Gauges, all in one request. Raises as `send_event` does."""
    if not counts:
        return
    series = [
        {
            "metric": f"registry_pipelines.{count.name}",
            "points": count.value,
            "type": "gauge",
            "tags": [*settings.tags, *count.tags],
        }
        for count in counts
    ]
    with _LOCK:
        api = _configured(settings)
        answer = _asked(settings, lambda: api.Metric.send(metrics=series, attach_host_name=False))
    _accepted(settings, answer)


def _configured(settings: DatadogSettings) -> Any:
    try:
        import datadog  # an extra
    except ImportError:
        raise ConfigError(
            "the library `datadog` is not installed; run pip install 'registry-pipelines[datadog]'",
            subject="notifications.datadog",
        ) from None
    _refuse_redirects()
    # `mute` would swallow every failure, and a name of this host is looked for in other programs' files.
    datadog.initialize(
        api_key=read_secret(settings.api_key),
        api_host=settings.address.rstrip("/"),
        host_name="registry-pipelines",
        hostname_from_config=False,
        mute=False,
        timeout=_TIMEOUT_SECONDS,
    )
    return datadog.api


def _refuse_redirects() -> None:
    """The library follows redirects, with its key in a header that `requests` does not take off for another host."""
    import requests
    from datadog.api import http_client

    class RefusesRedirects(UnredirectedSession):
        def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            answer = super().send(request, **options)
            if 300 <= answer.status_code < 400:
                raise requests.TooManyRedirects(f"it redirects ({answer.status_code})", response=answer)
            return answer

    if http_client.RequestClient._session is None:
        http_client.RequestClient._session = RefusesRedirects()


def _asked(settings: DatadogSettings, ask: Any) -> Any:
    import requests
    from datadog.api.exceptions import ApiError, DatadogException

    try:
        return ask()
    except ApiError:
        # Its text is the body of the answer, which may repeat what was sent.
        raise NotificationError(
            f"could not tell {_name(settings)}: it refused the request; look at the key and the site",
            fault="forbidden",
        ) from None
    except requests.TooManyRedirects as error:
        raise NotificationError(
            f"could not tell {_name(settings)}: {error}, and nothing was sent there; check `address`",
            fault="unreachable",
            retryable=True,
        ) from None
    except (
        DatadogException,
        requests.RequestException,
        ValueError,
    ) as error:  # ValueError: it answered something that is no JSON
        raise NotificationError(
            f"could not tell {_name(settings)}: {type(error).__name__}; notifications are tried again",
            fault="unreachable",
            retryable=True,
        ) from None


def _accepted(settings: DatadogSettings, answer: Any) -> None:
    if isinstance(answer, Mapping) and answer.get("errors"):
        raise NotificationError(f"could not tell {_name(settings)}: it refused the request", fault="forbidden")


def _name(settings: DatadogSettings) -> str:
    return f"Datadog at {settings.address} (key {settings.api_key})"
