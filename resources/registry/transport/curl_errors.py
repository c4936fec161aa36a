"""libcurl's error codes in our words: what happened and what to do about it."""

from __future__ import annotations

import pycurl


class TransferFailed(Exception):
    """No answer, or half of one. Internal: the connection turns it into a `RegistryError`."""

    def __init__(self, code: int, message: str, received: int = 0) -> None:
        super().__init__(f"libcurl {code}: {message}")
        self.code = code
        self.message = message
        self.received = received  #: bytes of the body that came before

    @property
    def no_connection(self) -> bool:
        """True when the other side was not reached or said nothing: the sign of a registry that is down."""
        return self.code in _NO_CONNECTION

    @property
    def final(self) -> bool:
        """True when trying again cannot help."""
        return self.code in _FINAL

    def explain(self, url_scheme: str, host: str, timeout_seconds: float) -> str:
        """`what happened; what to do next`, for an error message."""
        text = self.message
        match self.code:
            case pycurl.E_COULDNT_RESOLVE_HOST:
                return f"the name {host} cannot be resolved; check `url` and the DNS of this machine"
            case pycurl.E_COULDNT_RESOLVE_PROXY:
                return "the name of the proxy cannot be resolved; check HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
            case pycurl.E_COULDNT_CONNECT:
                return (
                    f"{host} does not accept connections ({_cut(text)});"
                    " check that it runs, the port, and firewalls between"
                )
            case pycurl.E_OPERATION_TIMEDOUT:
                return f"{host} did not answer within {timeout_seconds:g} s; check it, or set `timeout` higher"
            case pycurl.E_PEER_FAILED_VERIFICATION:
                return (
                    f"the TLS certificate of {host} is not trusted ({_cut(text)}); set `tls.ca` to a PEM file of"
                    " the authority that signed it (`tls.insecure: true` accepts anything, for tests)"
                )
            case pycurl.E_SSL_CACERT_BADFILE:
                return f"the authorities of `tls.ca` cannot be read ({_cut(text)}); it must be a PEM file"
            case pycurl.E_SSL_CONNECT_ERROR if _speaks_plainly(text):
                return (
                    f"{host} does not speak TLS: it seems to be an HTTP server; write `url: http://{host}` if"
                    " that is meant, or give it a certificate"
                )
            case pycurl.E_SSL_CONNECT_ERROR:
                return f"TLS with {host} failed ({_cut(text)}); check the port and what its TLS accepts"
            case pycurl.E_PARTIAL_FILE:
                return f"{host} broke off in the middle of the answer; try again, and look at its log if it stays"
            case pycurl.E_GOT_NOTHING | pycurl.E_RECV_ERROR | pycurl.E_SEND_ERROR:
                hint = " (it may expect https)" if url_scheme == "http" else ""
                return f"{host} closed the connection without an answer{hint}; look at its log"
            case pycurl.E_UNSUPPORTED_PROTOCOL if "HTTP/0.9" in text:
                return f"{host} does not answer in HTTP; check `url` and its port"
            case _:
                return f"the transfer failed ({_cut(text)}); check the network between here and {host}"


class BodyFailed(Exception):
    """The body of a request could not be read to its end, so the request was given up; the cause tells why.

    Not the fault of whoever it was sent to: neither retried nor explained by the connection.
    """


def _speaks_plainly(text: str) -> bool:
    return any(sign in text.lower() for sign in ("wrong version number", "packet length too long", "http request"))


def _cut(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "…"


_NO_CONNECTION = frozenset(
    {
        pycurl.E_COULDNT_RESOLVE_HOST,
        pycurl.E_COULDNT_RESOLVE_PROXY,
        pycurl.E_COULDNT_CONNECT,
        pycurl.E_OPERATION_TIMEDOUT,
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_GOT_NOTHING,
        pycurl.E_RECV_ERROR,
        pycurl.E_SEND_ERROR,
    }
)

_FINAL = frozenset(
    {
        pycurl.E_PEER_FAILED_VERIFICATION,
        pycurl.E_SSL_CACERT_BADFILE,
        pycurl.E_SSL_CONNECT_ERROR,
        pycurl.E_UNSUPPORTED_PROTOCOL,
        pycurl.E_URL_MALFORMAT,
    }
)
