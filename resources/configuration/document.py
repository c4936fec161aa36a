"""A YAML file as a value that knows its lines: every key with the line it stands on, every fault of the text.

Nothing of the text is quoted in a message except keys: a value may be a secret that should not be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from registry_core.errors import ConfigError, Problem

KeyPath = tuple[str | int, ...]

#: More nodes than any site writes; aliases of aliases can unfold a small file into more than fits in memory.
_MOST_NODES = 200_000
_LARGEST_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where it says it."""

    name: str  #: the file as messages call it
    value: Any
    lines: dict[KeyPath, int]
    problems: tuple[tuple[KeyPath, str], ...] = ()  #: faults that do not hinder reading the rest: keys given twice

    def line(self, path: KeyPath) -> int:
        """The line of a key, else of the nearest parent that is written; 0 for the whole file."""
        return next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), 0)

    def place(self, path: KeyPath) -> str:
        """`site.yaml:12 registries.harbor.url`."""
        line = self.line(path)
        where = f"{self.name}:{line}" if line else self.name
        keys = ".".join(str(part) for part in path)
        return f"{where} {keys}" if keys else where


def read_document(path: Path) -> Document:
    """Read a YAML file. Raises ConfigError when it is missing, not UTF-8, empty or not YAML."""
    name = _shown(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            "there is no such file; make one with `registry-pipelines init`, or name yours with --config or"
            " REGISTRY_PIPELINES_CONFIG",
            subject=name,
        ) from None
    except IsADirectoryError:
        raise ConfigError("this is a folder; name the file in it", subject=name) from None
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}", subject=name) from None
    if len(content) > _LARGEST_BYTES:
        raise ConfigError("the file is too large to be a configuration; name the right one", subject=name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(Problem(f"{name}:{line}", "the file is not UTF-8; save it as UTF-8")) from None
    return parse_document(text, name=name)


def parse_document(text: str, *, name: str) -> Document:
    """The text of a YAML file as a Document. Raises ConfigError with the line of the fault."""
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            raise ConfigError(
                "the file is empty; write `clusters:` and `registries:`, or make a file with"
                " `registry-pipelines init --force`",
                subject=name,
            )
        lines: dict[KeyPath, int] = {}
        problems = list(_walk(node, lines, name))
        value = loader.construct_document(node)
    except yaml.YAMLError as error:
        # Unchained: the exceptions of yaml quote the text.
        raise ConfigError(_syntax_problem(error, text, name)) from None
    except (ValueError, RecursionError, OverflowError, TypeError):
        raise ConfigError("a value cannot be read as YAML (an impossible date or number, or too deep nesting);"
                          " put texts in quotes", subject=name) from None  # fmt: skip
    finally:
        if loader is not None:
            loader.dispose()
    return Document(name, value, lines, tuple(problems))


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _walk(root: yaml.Node, lines: dict[KeyPath, int], name: str) -> Iterator[tuple[KeyPath, str]]:
    """Note the line of every key, and yield what is wrong with keys: given twice, or no text."""
    todo: list[tuple[yaml.Node, KeyPath, frozenset[int]]] = [(root, (), frozenset())]
    seen = 0
    while todo:
        node, path, inside = todo.pop()
        seen += 1
        line = node.start_mark.line + 1
        if seen > _MOST_NODES or id(node) in inside:
            raise ConfigError(Problem(f"{name}:{line}", "aliases (`*name`) unfold without end; write it out"))
        inside = inside | {id(node)}
        if isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                lines[(*path, position)] = item.start_mark.line + 1
                todo.append((item, (*path, position), inside))
        elif isinstance(node, yaml.MappingNode):
            yield from _walk_mapping(node, path, lines)
            todo.extend((value, (*path, _key(key)), inside) for key, value in node.value)


def _walk_mapping(node: yaml.MappingNode, path: KeyPath, lines: dict[KeyPath, int]) -> Iterator[tuple[KeyPath, str]]:
    own: dict[str, int] = {}
    for key_node, _ in node.value:
        key, line = _key(key_node), key_node.start_mark.line + 1
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        if key_node.tag != "tag:yaml.org,2002:str":
            yield (*path, key), f'`{key}` is no text to YAML; put the key in quotes: `"{key}"`'
        if key in own:
            yield (*path, key), f"`{key}` is given twice, on lines {own[key]} and {line}; keep one"
        own[key] = lines[(*path, key)] = line


def _key(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else "?"


def _syntax_problem(error: yaml.YAMLError, text: str, name: str) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return Problem(f"{name}:{line}", "a control character stands here; remove it")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = f"{name}:{mark.line + 1}" if mark else name
    return Problem(place, _syntax_sentence(str(getattr(error, "problem", "")), mark, text))


#: What yaml says, and what a person can do about it.
_SYNTAX = (
    (r"'\\t'", "a tab stands here; indent with spaces"),
    (r"mapping values are not allowed", "a `:` stands where none can be; check the indentation, or put the text"
     " in quotes"),
    (r"undefined alias", "`*` begins an alias that is not defined; put a text that begins with `*` in quotes"),
    (r"could not determine a constructor", "`!` begins a tag that is not known here; put a text that begins with"
     " `!` in quotes"),
    (r"cannot start any token", "a character stands here that cannot begin a text; put the text in quotes"),
    (r"found unexpected end of stream|while scanning a quoted", "a quote is opened and never closed"),
    (r"expected ',' or '[\]}]'", "a `[` or `{` is opened and not closed, or a comma is missing"),
    (r"could not find expected ':'", "a key stands here without `:`"),
    (r"expected <block end>|expected the node content", "the indentation does not fit the lines above"),
    (r"but found another document", "the file holds several documents (`---`); keep one"),
    (r"unhashable|expected a mapping", "a key must be a plain text"),
)  # fmt: skip


def _syntax_sentence(problem: str, mark: yaml.Mark | None, text: str) -> str:
    if mark is not None:
        line = text.splitlines()[mark.line : mark.line + 1]
        if line and re.match(r"\s*\t", line[0]):
            problem = r"'\t'"
    sentence = next((sentence for pattern, sentence in _SYNTAX if re.search(pattern, problem)), None)
    return f"this is not YAML: {sentence or 'check the indentation, quotes and brackets on and above this line'}"
