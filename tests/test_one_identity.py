"""One registry, one identity: no place of the product compares the texts of hosts, but the module that knows how."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.test_architecture import ROOT, shipped_files

#: What knows how hosts are compared, and what a text must be to be one.
IDENTITY = {
    "registry_core/registry_identity.py",
    "registry_core/registry_directory.py",
    "registry_core/registry_rows.py",
    "registry_core/host_names.py",
    "registry_core/references.py",
}

#: Other comparisons, each with the reason why it is not about which registry is meant.
ALLOWED = {
    ("registry_core/deployed_versions_resolve.py", "resolve_uses"): "names of configured registries",
    ("resources/clusters/connection.py", "_from_server"): "the address of an API server",
    ("resources/configuration/docker_config.py", "matches"): "keys of a docker config may be patterns, as for kubelets",
    ("resources/configuration/docker_config.py", "split_key"): "takes a key of a docker config apart",
    ("resources/embedded_registry/index_file.py", "_named"): "whether a text begins with a host, whichever",
    (
        "resources/registry/providers/choice.py",
        "_by_host",
    ): "which vendor's API a host has; `url_host` made it one spelling",
    ("resources/registry/transport/handles.py", "load"): "whether a connection goes to the host of the one before",
    ("resources/registry/transport/trust.py", "is_loopback"): "proxies are not asked for the machine itself",
    ("registry_pipelines/holders.py", "_process_is_alive"): "the name of this machine",
    ("registry_pipelines/web/guard.py", "is_loopback"): "whether only this machine can reach our own server",
}

_HOST = re.compile(r"(^|_)(host|hosts|hostname|netloc)$|^DOCKER_HUB(_HOSTS)?$|^known_as$")
_HUB = re.compile(r"(index\.|registry-1\.)?docker\.io|registry\.hub\.docker\.com")
_HOLDERS = {"reference", "ref", "use", "row", "written", "parsed", "frame", "rows", "uses", "inventory"}
_COMPARING = {"isin", "eq", "ne", "startswith", "endswith", "lower", "upper", "casefold"}


class Comparison(NamedTuple):
    file: str
    function: str
    line: int
    text: str


def compares_hosts(node: ast.AST) -> bool:
    """Whether an expression holds a host, or the registry of a reference or a row, against another text."""
    if isinstance(node, ast.Compare):
        if all(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops):
            return False
        if isinstance(node.left, ast.Constant) and not str(node.left.value).strip("@:.*/[]"):
            return False  # `"@" in host` asks how it is written
        return any(_is_host(side) or _is_hub(side) for side in (node.left, *node.comparators))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _COMPARING and _is_host(node.func.value):
            return True
        return node.func.attr == "isin" and any(_is_host(given) for given in node.args)
    return False


def _is_hub(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(_is_hub(one) for one in node.elts)
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_HUB.fullmatch(node.value))


def _is_host(node: ast.expr) -> bool:
    """By its name: `host`, `settings.hosts`, `reference.registry`, `frame["registry"]`, `settings.names`."""
    match node:
        case ast.Name(id=name):
            return bool(_HOST.search(name))
        case ast.Attribute(value=ast.Name(id=holder), attr="registry"):  # others have the name of a configured one
            return holder in _HOLDERS
        case ast.Attribute(value=value, attr="str"):  # of a column
            return _is_host(value)
        case ast.Attribute(value=value, attr="names"):
            return isinstance(value, ast.Name) and value.id in ("registry", "settings", "destination", "source")
        case ast.Attribute(attr=name):
            return bool(_HOST.search(name))
        case ast.Subscript(slice=ast.Constant(value="registry" | "host")):
            return True
        case ast.Call(func=ast.Attribute(value=value, attr="lower" | "casefold" | "strip")):
            return _is_host(value)
        case ast.Call(func=ast.Name(id="list" | "set" | "tuple" | "frozenset"), args=[only]):
            return _is_host(only)
    return False


def comparisons_in(source: str, file: str) -> Iterator[Comparison]:
    """Every comparison of hosts in a module, with the function that it is in."""
    todo: list[tuple[ast.AST, str]] = [(ast.parse(source), "")]
    while todo:
        node, function = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if compares_hosts(node):
            yield Comparison(file, function, getattr(node, "lineno", 0), ast.unparse(node))
        todo += [(child, function) for child in ast.iter_child_nodes(node)]


def found() -> list[Comparison]:
    files = ((path, str(path.relative_to(ROOT))) for path in shipped_files())
    return [
        one
        for path, name in files
        if name not in IDENTITY
        for one in comparisons_in(path.read_text(encoding="utf-8"), name)
    ]


def test_no_place_compares_the_texts_of_hosts() -> None:
    strays = [one for one in found() if (one.file, one.function) not in ALLOWED]
    shown = "\n".join(f"{one.file}:{one.line} {one.function}: {one.text}" for one in strays)
    assert not strays, f"ask `registry_identity` or `registry_directory` instead:\n{shown}"


def test_every_exception_is_still_needed() -> None:
    assert ALLOWED.keys() <= {(one.file, one.function) for one in found()}


@pytest.mark.parametrize(
    "stray",
    [
        'frame[frame["registry"].isin(names)]',
        'uses["registry"].eq(registry)',
        "use.registry.lower() in hosts",
        "host == settings.host",
        "host.lower() in known",
        "name in settings.hosts",
        "reference.registry == other",
        "urlsplit(url).netloc != before.netloc",
        'first in ("docker.io", "index.docker.io")',
        'text == "docker.io"',
        "host in DOCKER_HUB_HOSTS",
        'frame["registry"].isin(list(registry.names))',
        "any(name in registry.names for name in wanted)",
        "frame[name].isin(settings.hosts)",
        "frame.registry.str.lower()",
    ],
)
def test_a_comparison_of_hosts_is_found(stray: str) -> None:
    source = f"class Any:\n    def where(self, host):\n        return {stray}\n"
    (one, *_) = comparisons_in(source, "somewhere.py")
    assert (one.file, one.function, one.line) == ("somewhere.py", "where", 3)


@pytest.mark.parametrize(
    "harmless",
    [
        "host is None",
        '"@" in host',
        "registry == name",
        "same_host(one, other)",
        'where["host"]',
        "owned(frame, names)",
    ],
)
def test_what_is_no_comparison_of_hosts_is_let_through(harmless: str) -> None:
    assert not list(comparisons_in(harmless, "somewhere.py"))
