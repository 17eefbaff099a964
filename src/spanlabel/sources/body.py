"""A request's body, read and decompressed within its bounds."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from .answers import Refusal, Refused
from .inflating import Inflating
from .room import STEP_BYTES, Room

FIRST_STEP_BYTES = 128 << 10
"""How much of a compressed body is inflated before anything is asked."""

_THREADS = 2
_MOST_WAITING = 4
# So little is inflated at once that no other request waits for it noticeably, and a thread would cost more.
_SHORT_INPUT_BYTES = 32 << 10
# No OTLP body that is not made up shrinks like this; zlib's limit is about 1000.
_SUSPICIOUS_RATIO = 100


class BodyReader:
    """Reads the bodies of one door.

    Bodies that grow out of almost nothing wait for each other: then a hundred bombs take no more memory than one.

    Args:
        max_bytes: Largest body, before and after decompression.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="spanlabel-inflate")
        self._suspicious = asyncio.Lock()
        self._waiting = 0

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False)

    def check_size(self, size_bytes: int) -> None:
        """Refuse a body of this size.

        Raises:
            Refused: It is too large.
        """
        if size_bytes > self._max_bytes:
            raise Refused(
                Refusal.TOO_LARGE,
                f"the request is larger than {self._max_bytes} bytes; send smaller batches",
            )

    async def read(self, pieces: AsyncIterator[bytes], inflating: Inflating | None, room: Room) -> bytes:
        """The whole body; *room* has grown with it.

        Raises:
            Refused: It is too large or damaged, or there is no room for it now.
        """
        if inflating is not None:
            return await self._inflated(pieces, inflating, room)
        made, first, size = io.BytesIO(), b"", 0
        async for piece in pieces:
            size += len(piece)
            self.check_size(size)
            if size > room.size_bytes:
                room.make(max(size, min(room.size_bytes + STEP_BYTES, self._max_bytes)))
            if not first:
                first = piece
            else:
                if not made.tell():
                    made.write(first)
                made.write(piece)
        return made.getvalue() if made.tell() else first

    async def _inflated(self, pieces: AsyncIterator[bytes], inflating: Inflating, room: Room) -> bytes:
        async with AsyncExitStack() as stack:
            is_alone = False
            async for piece in pieces:
                inflating.feed(piece)
                is_done = False
                while not is_done:
                    is_done = await self._step(inflating, room, is_short=len(piece) <= _SHORT_INPUT_BYTES)
                    self.check_size(max(inflating.size_bytes, inflating.read_bytes))
                    is_normal = inflating.size_bytes <= FIRST_STEP_BYTES + _SUSPICIOUS_RATIO * inflating.read_bytes
                    if not (is_normal or is_alone):
                        await self._stay_alone(stack)
                        is_alone = True
            return inflating.finish()

    async def _step(self, inflating: Inflating, room: Room, *, is_short: bool) -> bool:
        """Go on as far as nobody minds, at most as far again as before."""
        step = min(max(inflating.size_bytes, FIRST_STEP_BYTES), STEP_BYTES)
        up_to = min(inflating.size_bytes + step, self._max_bytes + 1)
        room.make(up_to)
        if is_short and step == FIRST_STEP_BYTES:
            return inflating.go_on(up_to)
        return await asyncio.get_running_loop().run_in_executor(self._threads, inflating.go_on, up_to)

    async def _stay_alone(self, stack: AsyncExitStack) -> None:
        """Wait until no other body that grows out of almost nothing is on its way, and keep the next ones waiting."""
        if self._waiting >= _MOST_WAITING:
            raise Refused(Refusal.TRY_LATER, "too many bodies that shrank to almost nothing came at once")
        self._waiting += 1
        stack.callback(self._count_out)
        await stack.enter_async_context(self._suspicious)

    def _count_out(self) -> None:
        self._waiting -= 1
