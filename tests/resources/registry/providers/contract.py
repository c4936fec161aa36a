"""A vendor's own document (Swagger 2.0 or OpenAPI 3.0) as the judge of what was asked and answered.

Requests: known path, method, parameters of known name and fitting value, body. Answers: a status that the document
names, content of its schema. What a document does not describe (an error body without schema) is not judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from tests.resources.registry.providers.vendor_server import Asked, Reply, VendorEmulator

SPECS = Path(__file__).parents[5] / "shared" / "fixtures" / "specs"

_HTTP = ("get", "put", "post", "delete", "patch", "head")


def contract_of(file: str, **keywords: Any) -> Contract:
    """The document of a file in ../shared/fixtures/specs; the test is skipped where the folder is absent."""
    path = SPECS / file
    if not path.exists():
        pytest.skip(f"needs {file} in ../shared/fixtures/specs, which is not beside this repository")
    text = path.read_text(encoding="utf-8")
    return Contract(yaml.safe_load(text) if file.endswith(".yaml") else json.loads(text), **keywords)


class Contract:
    """One document. `prefix` stands before paths that lack it; `greedy` are path parameters that hold slashes."""

    def __init__(self, document: dict[str, Any], *, prefix: str = "", greedy: Iterable[str] = ()) -> None:
        self.document = _with_null(document)
        self._registry = Registry().with_resource("urn:contract", Resource(self.document, DRAFT4))
        self._routes = sorted(
            ((_pattern(path, prefix, set(greedy)), item) for path, item in self.document["paths"].items()),
            key=lambda route: -len(route[0].pattern),
        )

    def judge(self, emulator: VendorEmulator, *, of: str) -> int:
        """Assert that every exchange below the path `of` keeps the contract; how many there were."""
        judged = [(asked, reply) for asked, reply in emulator.asked if asked.path.startswith(of)]
        broken = [line for asked, reply in judged for line in self.violations(asked, reply)]
        assert not broken, "\n".join(dict.fromkeys(broken))
        return len(judged)

    def violations(self, asked: Asked, reply: Reply) -> Iterator[str]:
        place = f"{asked.method} {asked.path}"
        item = next((item for pattern, item in self._routes if pattern.fullmatch(asked.path)), None)
        operation = item.get(asked.method.lower()) if item else None
        if item is None or operation is None:
            yield f"{place}: not in the document"
            return
        parameters = [self._resolve(one) for one in (*item.get("parameters", ()), *operation.get("parameters", ()))]
        yield from (f"{place}: {line}" for line in self._of_query(asked, parameters))
        yield from (f"{place}: {line}" for line in self._of_body(asked, parameters, operation))
        yield from (f"{place}: {line}" for line in self._of_reply(reply, operation))

    def _of_query(self, asked: Asked, parameters: list[dict[str, Any]]) -> Iterator[str]:
        known = {one["name"]: one for one in parameters if one["in"] == "query"}
        for name, value in asked.query.items():
            if name not in known:
                yield f"asks with `{name}`, which is not known"
                continue
            schema = known[name].get("schema") or known[name]
            yield from self._errors(_typed(value, schema), _plain(schema), f"query {name}")
        for one in known.values():
            if one.get("required") and one["name"] not in asked.query:
                yield f"lacks the query `{one['name']}`"

    def _of_body(self, asked: Asked, parameters: list[dict[str, Any]], operation: dict[str, Any]) -> Iterator[str]:
        body = next((one for one in parameters if one["in"] == "body"), None)
        schema = body["schema"] if body else _content(self._resolve(operation.get("requestBody", {})))
        if asked.body and schema is None:
            yield "sends a body that is not known"
        elif asked.body and schema is not None:
            yield from self._errors(json.loads(asked.body), schema, "body")
        elif body and body.get("required"):
            yield "lacks the body"

    def _of_reply(self, reply: Reply, operation: dict[str, Any]) -> Iterator[str]:
        documented = operation["responses"].get(str(reply.status)) or operation["responses"].get("default")
        if documented is None:
            if reply.status not in (401, 403, 404, 412, 429, 500, 502, 503):  # which documents often leave out
                yield f"answers {reply.status}, which is not known"
            return
        documented = self._resolve(documented)
        schema = documented.get("schema") or _content(documented)
        if schema is not None and reply.status < 300:
            plain = reply.headers.get("Content-Type", "").startswith("text/plain")
            value = reply.bytes.decode() if plain else json.loads(reply.bytes)
            yield from self._errors(value, schema, f"answer {reply.status}")

    def _errors(self, value: object, schema: dict[str, Any], what: str) -> Iterator[str]:
        # A fragment is put into the document, so that its own references are found.
        rooted = _rooted(schema)
        for error in jsonschema.Draft4Validator(rooted, registry=self._registry).iter_errors(value):
            yield f"{what}: {error.json_path}: {error.message[:200]}"

    def _resolve(self, one: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in one:
            found: Any = self.document
            for key in one["$ref"].removeprefix("#/").split("/"):
                found = found[key.replace("~1", "/").replace("~0", "~")]
            one = found
        return one


def _pattern(path: str, prefix: str, greedy: set[str]) -> re.Pattern[str]:
    whole = path if not prefix or path.startswith(prefix) else prefix + path

    def one(matched: re.Match[str]) -> str:
        return ".+" if matched[1] in greedy else "[^/]+"

    return re.compile(re.sub(r"\\\{([^}]+)\\\}", one, re.escape(whole)))


def _rooted(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: f"urn:contract{one}"
            if key == "$ref" and isinstance(one, str) and one.startswith("#")
            else _rooted(one)
            for key, one in value.items()
        }
    return [_rooted(one) for one in value] if isinstance(value, list) else value


def _with_null(value: Any) -> Any:
    """`nullable` and `x-nullable`, which JSON Schema does not know, as a type."""
    if isinstance(value, list):
        return [_with_null(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: _with_null(one) for key, one in value.items()}
    if (value.get("nullable") or value.get("x-nullable")) and isinstance(value.get("type"), str):
        found["type"] = [value["type"], "null"]
    return found


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema in a Swagger 2.0 parameter, which holds it among other keys."""
    return {key: one for key, one in schema.items() if key not in ("required", "name", "in", "description", "example")}


def _typed(text: str, schema: dict[str, Any]) -> object:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return int(text) if text.lstrip("-").isdigit() else text
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text


def _content(holder: dict[str, Any]) -> dict[str, Any] | None:
    for one in holder.get("content", {}).values():
        return one.get("schema")
    return None
