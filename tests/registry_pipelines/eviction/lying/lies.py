"""What a registry may say instead of the truth.

Only lies that leave a trace: an answer that is as it would be in another honest world (a new tag that is left out of an
otherwise right list, a digest that is denied in every way) cannot be told from the truth by anyone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random

from tests.registry_pipelines.eviction.lying.registry import Answer, Asked, Lie, error
from tests.registry_pipelines.eviction.lying.truth import Truth

_FAILURES = (
    Lie(error(500)),
    Lie(error(503)),
    Lie(error(403, "DENIED")),
    Lie(error(429, "TOOMANYREQUESTS", Retry_After="0")),
    Lie(Answer(200, b"<html>Please sign in</html>", {"Content-Type": "text/html"})),
    Lie(None),
)


@dataclass
class Liar:
    """Lies about one run. `about`: kinds of questions (tags, tag, digest, deletion) and how often each is lied to."""

    truth: Truth
    random: Random
    foreign: str
    about: dict[str, float] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Lie | None:
        kind = _kind(asked)
        if self.random.random() >= self.about.get(kind, 0.0):
            return None
        return {"tags": self._tags, "tag": self._tag, "digest": self._digest, "deletion": self._deletion}[kind](asked)

    def _known(self, asked: Asked) -> list[str]:
        """Tags of the repository that the plan was made by and that are as they were: a gap there is seen."""
        return [
            tag
            for (repository, tag), digest in self.truth.tags.items()
            if repository == asked.repository and self.truth.known.get((repository, tag)) == digest
        ]

    def _tags(self, asked: Asked) -> Lie | None:
        known = self._known(asked)
        if not known:
            return None
        chosen = self.random.random()
        if chosen < 0.4:
            hidden = set(self.random.sample(known, self.random.randint(1, len(known))))
            hidden |= {
                tag for repository, tag in self.truth.tags if repository == asked.repository and tag not in known
            }
            shown = [tag for repository, tag in self.truth.tags if repository == asked.repository and tag not in hidden]
            return Lie(_tags(asked, shown))
        if chosen < 0.7:
            return Lie(self.random.choice((_tags(asked, []), _tags(asked, None), error(404, "NAME_UNKNOWN"))))
        return self.random.choice(_FAILURES)

    def _tag(self, asked: Asked) -> Lie | None:
        if asked.method == "HEAD" and self.random.random() < 0.3:
            return Lie(error(405))
        if self.random.random() < 0.6:
            return Lie(error(404, "MANIFEST_UNKNOWN"))
        return self.random.choice(_FAILURES)

    def _digest(self, asked: Asked) -> Lie | None:
        if asked.method == "HEAD" and self.random.random() < 0.6:  # a GET tells the truth
            return Lie(error(self.random.choice((404, 405))))
        return self.random.choice(_FAILURES)

    def _deletion(self, asked: Asked) -> Lie | None:
        elsewhere = [name for name in self.truth.manifests if name[1] != asked.reference]
        done = self.random.random() < 0.5
        other = self.random.choice(elsewhere) if elsewhere else (asked.repository, asked.reference)
        return self.random.choice(
            (
                Lie(error(404, "MANIFEST_UNKNOWN"), done),
                Lie(error(405, "UNSUPPORTED"), done),
                Lie(error(412, "PRECONDITION_FAILED")),
                Lie(Answer(307, b"", {"Location": f"http://{self.foreign}{asked.path}"})),
                Lie(Answer(308, b"", {"Location": f"/v2/{other[0]}/manifests/{other[1]}"})),
                Lie(Answer(202), False),
                *(Lie(one.answer, done) for one in _FAILURES),
            )
        )


def _kind(asked: Asked) -> str:
    if asked.method == "DELETE":
        return "deletion"
    if asked.kind == "manifests":
        return "digest" if ":" in asked.reference else "tag"
    return "tags" if asked.kind == "tags" else ""


def _tags(asked: Asked, tags: list[str] | None) -> Answer:
    body = json.dumps({"name": asked.repository, "tags": tags}).encode()
    return Answer(200, body, {"Content-Type": "application/json"})
