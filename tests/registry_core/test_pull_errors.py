"""What a kubelet says, as one of five words."""

from __future__ import annotations

import pytest

from registry_core.coverage import FAULTS
from registry_core.pull_errors import fault_of_pull_error

SAID = [
    ("missing", "ErrImagePull", 'rpc error: code = NotFound desc = failed to pull and unpack image "r/a:1": not found'),
    ("missing", "ImagePullBackOff", "manifest unknown: manifest unknown"),
    ("missing", "InvalidImageName", "Failed to apply default image tag: couldn't parse image name"),
    ("missing", "ErrImagePull", "no match for platform in manifest: not found"),
    ("forbidden", "ErrImagePull", "failed to authorize: failed to fetch anonymous token: 403 Forbidden"),
    ("forbidden", "ErrImagePull", "pull access denied, repository does not exist or may require authorization"),
    ("forbidden", "ErrImagePull", "unexpected status from HEAD request: 401 Unauthorized"),
    ("throttled", "ErrImagePull", "429 Too Many Requests: toomanyrequests: You have reached your limit"),
    ("unreachable", "ErrImagePull", 'dial tcp: lookup registry.example.com: no such host'),
    ("unreachable", "ErrImagePull", "dial tcp 10.0.0.1:443: connect: connection refused"),
    ("unreachable", "ErrImagePull", "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
    ("unreachable", "ErrImagePull", "http: server gave HTTP response to HTTPS client"),
    ("corrupt", "ErrImagePull", "failed commit on ref: unexpected commit digest sha256:aa, expected sha256:bb"),
    ("unreachable", "RegistryUnavailable", "something that nobody has seen yet"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "reason", "message"), SAID)
def test_the_words_of_a_runtime_are_understood(fault: str, reason: str, message: str) -> None:
    assert fault_of_pull_error(reason, message) == fault


@pytest.mark.parametrize("message", [None, "", "\x00", "x" * 100_000])
def test_whatever_is_said_is_one_of_the_five(message: str | None) -> None:
    assert fault_of_pull_error("ErrImagePull", message) in FAULTS
