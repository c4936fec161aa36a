"""Tell every audience what is new to it; remember what was delivered, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from assets.taking.notices import LinkOfPlan, Present, gather_topics
from registry_core.errors import ConfigError, NotificationError
from registry_core.notices import Message, Telling, decide, for_audience
from resources.connections import Connections
from resources.notify.audiences import Audience, open_audiences


@dataclass(frozen=True, slots=True)
class Round:
    """What became of one round: messages delivered, sentences about those that were not, and what was left."""

    delivered: int = 0
    failures: tuple[str, ...] = ()
    left_for_later: int = 0


def tell_all(
    connections: Connections, now: datetime, link_of_plan: LinkOfPlan, *, is_late: Callable[[], bool] = lambda: False
) -> Round:
    """One round. A message that fails is tried again in the next; so is what is left when `is_late`.

    An audience that fails once is left alone for the rest of the round, and keeps no other from being told.
    Raises DatabaseError, and nothing for an address that does not answer.
    """
    audiences, troubles = open_audiences(connections.site.notifications)
    if not audiences and not troubles:
        return Round()
    present = gather_topics(connections, now, link_of_plan)
    rounds = [_tell(connections, audience, present, now, is_late) for audience in audiences]
    return Round(
        delivered=sum(one.delivered for one in rounds),
        failures=(*(str(trouble) for trouble in troubles), *(failure for one in rounds for failure in one.failures)),
        left_for_later=sum(one.left_for_later for one in rounds),
    )


def pending_messages(connections: Connections, now: datetime, link_of_plan: LinkOfPlan) -> list[tuple[str, Message]]:
    """(audience, message) of the next round, without it. Raises ConfigError where an address is wrong."""
    audiences, troubles = open_audiences(connections.site.notifications)
    if troubles:
        raise ConfigError([problem for trouble in troubles for problem in trouble.problems], subject="notifications")
    present = gather_topics(connections, now, link_of_plan)
    return [
        (audience.key, telling.message)
        for audience in audiences
        for telling in _tellings(connections, audience, present)
        if telling.message is not None
    ]


def _tellings(connections: Connections, audience: Audience, present: Present) -> tuple[Telling, ...]:
    wanted = for_audience(present.topics, about=audience.about, environments=audience.environments)
    standing = {topic.key for topic in present.topics} - {topic.key for topic in wanted}
    told = connections.history.told.of(audience.key)
    return decide(wanted, told, looked_at=present.looked_at, standing=standing)


def _tell(
    connections: Connections, audience: Audience, present: Present, now: datetime, is_late: Callable[[], bool]
) -> Round:
    told = connections.history.told
    tellings = _tellings(connections, audience, present)
    delivered = 0
    try:
        for position, telling in enumerate(tellings):
            if is_late():
                return Round(delivered, left_for_later=len(tellings) - position)
            if telling.message is not None:
                audience.tell(telling.message)
                delivered += 1
            told.remember(audience.key, telling.remember, now)
        if not is_late():
            audience.count(present.counts)
    except (NotificationError, ConfigError) as error:
        return Round(delivered, (str(error),))
    return Round(delivered)
