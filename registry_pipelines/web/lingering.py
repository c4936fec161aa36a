"""An answer to a request whose body was not read to its end.

Trap: a server that answers and closes while the client still sends makes the system of the client throw the answer away
(TCP reset). So the answer is sent whole, what still comes is read and dropped, and only then the connection is closed
(nginx calls it `lingering_close`).
"""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

#: How long to wait for the next piece, how long for all of them, and how much to drop.
IDLE_SECONDS = 2.0
LONGEST_SECONDS = 15.0
MOST_BYTES = 256 * 1024 * 1024


class Lingering(Response):
    """The same answer, after which the client may end what it is sending."""

    def __init__(self, answer: Response) -> None:
        self._answer = answer
        self.status_code = answer.status_code
        self.background = None
        self.body = answer.body
        self.raw_headers = answer.raw_headers
        self.headers["Connection"] = "close"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def unended(message: Message) -> None:
            await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

        await self._answer(scope, receive, unended)
        await _drop(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drop(receive: Receive) -> None:
    # The end is looked at each time: a cancellation at the moment at which a piece arrives is lost in `wait_for`.
    clock = asyncio.get_running_loop().time
    end, dropped = clock() + LONGEST_SECONDS, 0
    while dropped < MOST_BYTES and (left := end - clock()) > 0:
        try:
            async with asyncio.timeout(min(IDLE_SECONDS, left)):
                message = await receive()
        except TimeoutError:
            return
        dropped += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return
