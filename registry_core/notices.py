"""Notices: what people are told, once, and again only when it changes.

A topic is one thing that may be told, in its present state. What was told to an audience is remembered by topic;
`decide` compares the two. Nothing here sends anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Gravity = Literal["failure", "warning", "info", "success"]

_GRAVEST_FIRST: tuple[Gravity, ...] = ("failure", "warning", "info", "success")
_LINES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing in its present state.

    Topics of one `group` are told together, under its name. `environments` are those that it touches, none where it
    touches all. With `quiet` it is remembered and not told: it is older than this audience.
    """

    key: str
    subject: str  #: findings, plans, executions, evidence, replications
    group: str
    state: str  #: told again when this changes
    line: str
    gravity: Gravity = "info"
    link: str | None = None
    environments: frozenset[str] = frozenset()
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an audience was told of one topic."""

    subject: str
    group: str
    state: str
    line: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message, in plain text. `link` is a whole address."""

    subject: str
    title: str
    body: str
    gravity: Gravity
    link: str | None = None

    @property
    def text(self) -> str:
        return f"{self.body}\n\n{self.link}" if self.link else self.body


@dataclass(frozen=True, slots=True)
class Telling:
    """A message and what is to be remembered once it was delivered, and not before. None: forget the topic."""

    message: Message | None
    remember: Mapping[str, Remembered | None] = field(repr=False)


#: How the end of a topic is told; the end of others is told by something else, or is no news.
_ENDED = {"findings": "no longer found", "evidence": "fresh again", "replications": "runs again"}


def decide(
    topics: Sequence[Topic],
    told: Mapping[str, Remembered],
    *,
    looked_at: Collection[str],
    standing: Collection[str] = (),
) -> tuple[Telling, ...]:
    """What to tell an audience that was told `told` (by key), gravest first.

    The end of a topic is believed only where its group or its own key is in `looked_at`: what could not be looked at
    may still stand. `standing` are keys that do stand and are not for this audience: they are forgotten in silence.
    """
    present = {topic.key: topic for topic in topics}
    fresh: dict[tuple[str, str], list[Topic]] = defaultdict(list)
    ended: dict[tuple[str, str], list[str]] = defaultdict(list)
    for topic in present.values():
        before = told.get(topic.key)
        if before is None or before.state != topic.state:
            fresh[topic.subject, topic.group].append(topic)
    for key, before in told.items():
        silent = key in standing or before.subject not in _ENDED
        if key not in present and (silent or key in looked_at or before.group in looked_at):
            ended[before.subject, before.group].append(key)
    tellings = [
        _tell(
            (subject, group),
            fresh[subject, group],
            {key: told[key] for key in ended[subject, group]},
            silent=standing,
        )
        for subject, group in list({**fresh, **ended})
    ]
    return tuple(sorted(tellings, key=lambda one: _weight(one.message)))


def for_audience(
    topics: Sequence[Topic], *, about: Collection[str], environments: Collection[str]
) -> tuple[Topic, ...]:
    """The topics that an audience wants; of no environments named, of all."""
    wanted = set(environments)
    return tuple(
        topic
        for topic in topics
        if topic.subject in about and (not wanted or not topic.environments or topic.environments & wanted)
    )


def _tell(
    heading: tuple[str, str], fresh: Sequence[Topic], ended: Mapping[str, Remembered], *, silent: Collection[str]
) -> Telling:
    subject, group = heading
    remember: dict[str, Remembered | None] = {
        topic.key: Remembered(topic.subject, topic.group, topic.state, topic.line) for topic in fresh
    }
    remember.update(dict.fromkeys(ended))
    loud = sorted((topic for topic in fresh if not topic.quiet), key=lambda topic: _GRAVEST_FIRST.index(topic.gravity))
    over = [
        f"{_ENDED[subject]}: {before.line}" for key, before in ended.items() if subject in _ENDED and key not in silent
    ]
    if not loud and not over:
        return Telling(None, remember)
    parts = [_counted([topic.line for topic in loud]), _counted(over)]
    gravity: Gravity = loud[0].gravity if loud else "success"
    link = next((topic.link for topic in loud if topic.link), None)
    body = "\n\n".join(part for part in parts if part)
    return Telling(Message(subject, _title(group, len(loud), len(over)), body, gravity, link), remember)


def _title(group: str, fresh: int, over: int) -> str:
    if fresh + over == 1:
        return group
    counts = [f"{fresh:,} new" if fresh else "", f"{over:,} over" if over else ""]
    return f"{group}: {', '.join(count for count in counts if count)}"


def _counted(lines: Sequence[str]) -> str:
    if len(lines) == 1:
        return lines[0]
    shown = [f"- {line}" for line in lines[:_LINES_SHOWN]]
    if len(lines) > _LINES_SHOWN:
        shown.append(f"- and {len(lines) - _LINES_SHOWN:,} more")
    return "\n".join(shown)


def _weight(message: Message | None) -> int:
    return len(_GRAVEST_FIRST) if message is None else _GRAVEST_FIRST.index(message.gravity)
