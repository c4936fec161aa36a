"""What the checker found wrong, in words of a person who writes the file: what is wrong, what to write instead.

A value that stands at a secret's place, or in an address with a password, is never repeated.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from resources.configuration.base import written_fields
from resources.configuration.document import KeyPath

_SECRET_KEY = re.compile(r"pass|secret|token|auth|credential|private|pwd|\bkey\b|api_?key", re.IGNORECASE)
_LONGEST_VALUE_SHOWN = 60


def explain(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[KeyPath, str]]:
    """(place, what is wrong) for each problem that the checker found."""
    for detail in error.errors(include_url=False):
        if detail["type"] == "invalid_key" or (detail["type"] == "string_type" and detail["loc"][-1] == "[key]"):
            continue  # a key that is no text: told when the document was read
        yield tuple(part for part in detail["loc"] if part != "[key]"), _sentence(detail, model)


def is_secret_place(path: KeyPath) -> bool:
    """True where a secret may have been written by mistake, so that the value is not to be shown."""
    return any(isinstance(part, str) and _SECRET_KEY.search(part) for part in path)


def _sentence(detail: ErrorDetails, root: type[BaseModel]) -> str:
    path, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    key = str(path[-1]) if path else "the file"
    if kind == "extra_forbidden":
        return _unknown_key(key, _model_at(path[:-1], root))
    field = _field_at(path, root)
    wanted = f" ({field.description})" if field is not None and field.description else ""
    if kind == "missing":
        return f"`{key}` is missing{wanted}"
    if kind == "value_error":
        return str(context.get("error", "the value cannot be used"))
    if path and path[-1] == "[key]":
        return f"`{path[-2]}` cannot be a name here; use letters, digits, `.`, `_` and `-`, a letter or digit first"
    found = _found(detail["input"], path)
    if kind == "string_pattern_mismatch" and isinstance(detail["input"], str) and _holds_login(detail["input"]):
        return f"an address holds no user or password; sign in with `credentials`{wanted}"
    return _WORDS.get(kind, "{found} does not fit here{wanted}").format(
        found=found, wanted=wanted, **{name: value for name, value in context.items() if name in _BOUNDS}
    )


_BOUNDS = ("gt", "ge", "lt", "le", "expected", "min_length", "max_length")

_TEXT = "write a text, not {found}; a number or yes/no meant as a text goes in quotes{wanted}"
_INTEGER = "write a whole number, not {found}{wanted}"
_NUMBER = "write a number, not {found}{wanted}"
_YES_OR_NO = "write `true` or `false`, not {found}{wanted}"
_LIST = "write a list (`[a, b]`, or lines that begin with `- `), not {found}{wanted}"
_MAPPING = "write keys and values (`key: value`), not {found}{wanted}"

#: Type of a pydantic error → our sentence.
_WORDS = {
    "string_type": _TEXT,
    "string_pattern_mismatch": "{found} does not have the form wanted{wanted}",
    "string_too_short": "the text is too short{wanted}",
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "int_parsing_size": _INTEGER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _YES_OR_NO,
    "bool_parsing": _YES_OR_NO,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "greater_than": "write a number above {gt}, not {found}{wanted}",
    "greater_than_equal": "write {ge} or more, not {found}{wanted}",
    "less_than": "write a number below {lt}, not {found}{wanted}",
    "less_than_equal": "write {le} or less, not {found}{wanted}",
    "literal_error": "write {expected}, not {found}{wanted}",
    "too_short": "the list is too short: at least {min_length}{wanted}",
    "too_long": "the list is too long: at most {max_length}{wanted}",
}


def _unknown_key(key: str, model: type[BaseModel] | None) -> str:
    known = list(written_fields(model)) if model is not None else []
    near = difflib.get_close_matches(key.lower().replace("-", "_"), known, n=1, cutoff=0.6)
    if near:
        return f"`{key}` is not known here; did you mean `{near[0]}`?"
    return f"`{key}` is not known here; known are {', '.join(known)}"


def _found(value: object, path: KeyPath) -> str:
    """The value as a message may show it."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "keys and values"
    if isinstance(value, (list, tuple)):
        return "a list"
    if is_secret_place(path) or _holds_login(str(value)):
        return "what stands there"
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    return f"`{text}`" if len(text) <= _LONGEST_VALUE_SHOWN else f"`{text[:_LONGEST_VALUE_SHOWN]}…`"


def _holds_login(text: str) -> bool:
    return re.search(r"//[^/\s]*@", text) is not None


def _field_at(path: KeyPath, root: type[BaseModel]) -> FieldInfo | None:
    """The field that a path names, or the field whose list or mapping it is in."""
    field: FieldInfo | None = None
    here: Any = root
    for part in path:
        here = _unwrap(here)
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = written_fields(here).get(str(part))
            here = field.annotation if field else None
        else:
            here = _item(here)
    return field


def _model_at(path: KeyPath, root: type[BaseModel]) -> type[BaseModel] | None:
    here: Any = root
    for part in path:
        here = _unwrap(here)
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = written_fields(here).get(str(part))
            here = field.annotation if field else None
        else:
            here = _item(here)
    here = _unwrap(here)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _unwrap(annotation: Any) -> Any:
    """`X` of `Annotated[X, …]` and of `X | None`."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, UnionType):
            annotation = next((arg for arg in get_args(annotation) if arg is not NoneType), None)
        else:
            return annotation


def _item(annotation: Any) -> Any:
    """What a list or mapping holds."""
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    return arguments[0] if arguments else None
