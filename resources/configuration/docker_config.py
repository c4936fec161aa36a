"""Docker's `config.json` and the pull secrets made of it: which login belongs to which registry.

Keys match as the kubelet matches them (`pkg/credentialprovider/keyring.go`): `host[:port][/path]`, with or
without scheme, `*` within one label of the host, `/v1/` and `/v2/` meaning the host itself. Unlike there, a path
ends at a segment: `host/team-a` is not for `host/team-ab`.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from registry_core.errors import ConfigError
from registry_core.foreign_json import NotJson, read_json
from registry_core.registry_identity import DOCKER_HUB, host_identity, is_docker_hub, same_host
from resources.registry.sign_in.login import BearerToken, Credential, IdentityToken, Login

#: The key under which docker keeps its login to Docker Hub.
DOCKER_HUB_KEY = "https://index.docker.io/v1/"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `auths`: whom it is for, and its credential or why it has none that can be used."""

    host: str  #: lower case, with port where written; may hold `*`
    path: str  #: `/team-a`, or empty for the whole host
    credential: Credential | None
    broken: str = ""  #: why what it holds cannot be used; empty where it holds nothing

    def matches(self, host: str, path: str) -> bool:
        return _host_matches(self.host, host.lower()) and _path_within(path, self.path)


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """A docker config as read: entries with the most particular first, and the helpers it names."""

    place: str  #: file, or cluster and secret, for messages
    entries: tuple[Entry, ...] = ()
    helpers: Mapping[str, str] = field(default_factory=dict)  #: `credHelpers`: host → name of the helper
    store: str | None = None  #: `credsStore`

    def entries_for(self, host: str, repository: str = "") -> tuple[Entry, ...]:
        """Entries that are for this registry (and repository, where given), the most particular first."""
        path = f"/{repository}" if repository else ""
        found = tuple(entry for entry in self.entries if entry.matches(host, path))
        return found or tuple(entry for entry in self.entries_of(host) if _path_within(path, entry.path))

    def entries_of(self, host: str) -> tuple[Entry, ...]:
        """Entries for this registry or parts of it, by any of its names, without those of patterns."""
        return tuple(entry for entry in self.entries if same_host(entry.host, host))

    def helper_for(self, host: str) -> str | None:
        """The helper that keeps the login of this registry and of no other."""
        return next((name for key, name in self.helpers.items() if same_host(split_key(key)[0], host)), None)

    def credentials_for(self, host: str, repository: str = "") -> tuple[Credential, ...]:
        """Usable credentials, the most particular first. Helpers are not asked: see `sign_in`."""
        return tuple(entry.credential for entry in self.entries_for(host, repository) if entry.credential)

    def hosts(self) -> tuple[str, ...]:
        """Registries that this config knows: one name a registry, sorted."""
        keys = {entry.host for entry in self.entries} | {split_key(key)[0] for key in self.helpers}
        by_registry = {host_identity(key): key for key in sorted(keys, key=lambda key: (len(key), key), reverse=True)}
        return tuple(sorted(DOCKER_HUB if is_docker_hub(key) else key for key in by_registry.values()))


def read_docker_config(path: Path) -> DockerConfig:
    """Read a `config.json`. Raises ConfigError that names the file and never quotes it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError("there is no such file; run `docker login`, or name the right docker config",
                          subject=str(path)) from None  # fmt: skip
    except OSError as error:
        raise ConfigError(f"the docker config cannot be read: {error.strerror}", subject=str(path)) from None
    return parse_docker_config(content, place=str(path))


def parse_docker_config(content: bytes, *, place: str, legacy: bool = False) -> DockerConfig:
    """Read the bytes of a docker config; `legacy` is the form of `kubernetes.io/dockercfg`, `auths` itself."""
    try:
        document = read_json(content)
    except NotJson:
        # Unchained: the exception of json holds the whole document.
        raise ConfigError("this is not JSON, as a docker config is", subject=place) from None
    auths = document if legacy else document.get("auths", {}) if isinstance(document, dict) else None
    if not isinstance(auths, dict):
        raise ConfigError("this is not a docker config: `auths` is no object", subject=place)
    entries = [_entry(key, value) for key, value in auths.items()]
    entries.sort(key=lambda entry: (-len(entry.path), "*" in entry.host, entry.host))
    helpers = {} if legacy else document.get("credHelpers") or {}
    store = None if legacy else document.get("credsStore") or None
    if not isinstance(helpers, dict) or not isinstance(store, (str, type(None))):
        raise ConfigError("`credHelpers` is an object and `credsStore` a text in a docker config", subject=place)
    return DockerConfig(place, tuple(entries), {str(k): str(v) for k, v in helpers.items()}, store)


def user_docker_configs() -> Iterator[Path]:
    """Docker configs of the user that exist, in the order in which docker and podman look."""
    folder = os.environ.get("DOCKER_CONFIG")
    places = [Path(folder) if folder else Path.home() / ".docker"]
    candidates = [place / "config.json" for place in places]
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        candidates.append(Path(named))
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(runtime) / "containers" / "auth.json")
    return (path for path in candidates if path.is_file())


def split_key(key: str) -> tuple[str, str]:
    """Host and path of a key of `auths`: `https://quay.io/v2/` is `quay.io` and nothing."""
    key = key.removeprefix("https://").removeprefix("http://")
    host, _, path = key.partition("/")
    path = f"/{path}"
    if path.startswith(("/v1/", "/v2/")):
        path = path[3:]
    return host.lower(), path.rstrip("/")


def _host_matches(pattern: str, host: str) -> bool:
    pattern, _, pattern_port = pattern.partition(":")
    host, _, port = host.partition(":")
    labels, wanted = host.split("."), pattern.split(".")
    return (
        port == pattern_port
        and len(labels) == len(wanted)
        and all(fnmatchcase(label, glob) for label, glob in zip(labels, wanted, strict=True))
    )


def _path_within(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/", ":", "@")


def _entry(key: str, value: Any) -> Entry:
    host, path = split_key(key)
    if not isinstance(value, dict):
        return Entry(host, path, None, "the entry is no object")
    credential, unusable = _credential(value)
    return Entry(host, path, credential, unusable)


def _credential(value: Mapping[str, Any]) -> tuple[Credential | None, str]:
    """The credential of an entry, else what is broken in it. `auth` wins over the plain fields."""
    texts = {key: text for key, text in value.items() if isinstance(text, str) and text}
    if "identitytoken" in texts:
        return IdentityToken(texts["identitytoken"]), ""
    if "registrytoken" in texts:
        return BearerToken(texts["registrytoken"]), ""
    login = _decode_auth(texts["auth"]) if "auth" in texts else None
    if login is None and "username" in texts and "password" in texts:
        login = Login(texts["username"], texts["password"])
    if login is not None:
        return login, ""
    if "auth" in texts:
        return None, "its `auth` is not base64 of `user:password`"
    return None, ""


def _decode_auth(auth: str) -> Login | None:
    text = auth.strip()
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    username, colon, password = decoded.partition(":")
    # Docker pads what it decodes with NUL (cli/config/configfile/file.go, decodeAuth).
    password = password.strip("\0")
    return Login(username, password) if colon and username and password else None
