"""How a door deals with the intake behind it: room for a request, then the request itself."""

from __future__ import annotations

from spanlabel.errors import TryLater

from .answers import Refusal, Refused
from .request import Intake, Request, Taken

STEP_BYTES = 1 << 20
"""By how much the room of a request grows, where its size is not known before."""


class Room:
    """What one request has been given; it gives all of it back at the end of a `with`.

    Not thread-safe: the event loop owns it.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._given: list[int] = []
        self.size_bytes = 0

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *_: object) -> None:
        for size in self._given:
            self._intake.leave(size)
        self._given.clear()
        self.size_bytes = 0

    def make(self, size_bytes: int) -> None:
        """See to it that the request has room for *size_bytes* in all.

        The intake is asked the first time in any case, also for an empty request.

        Raises:
            Refused: There is no more room now.
        """
        more = size_bytes - self.size_bytes
        if more <= 0 and self._given:
            return
        try:
            self._intake.admit(more)
        except TryLater as error:
            raise _try_later(error) from error
        self._given.append(more)
        self.size_bytes += more


async def hand_in(intake: Intake, request: Request) -> Taken:
    """Let the intake take a request.

    Raises:
        Refused: It does not.
    """
    try:
        return await intake.take(request)
    except TryLater as error:
        raise _try_later(error) from error
    except ValueError as error:
        raise Refused(Refusal.NOT_UNDERSTOOD, str(error)) from error


def _try_later(error: TryLater) -> Refused:
    return Refused(Refusal.TRY_LATER, str(error), retry_after_s=error.retry_after_s)
