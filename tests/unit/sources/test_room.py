import asyncio

import pytest

from spanlabel.errors import TryLater
from spanlabel.sources.answers import Refusal, Refused
from spanlabel.sources.request import Encoding, Request, Signal, Taken
from spanlabel.sources.room import Room, hand_in


class _Intake:
    def __init__(self, room_bytes: int = 1000, error: Exception | None = None) -> None:
        self.room_bytes = room_bytes
        self.error = error
        self.admitted: list[int] = []
        self.left: list[int] = []

    def admit(self, size_bytes: int) -> None:
        if sum(self.admitted) + size_bytes > self.room_bytes:
            raise TryLater("full", retry_after_s=1.5)
        self.admitted.append(size_bytes)

    def leave(self, size_bytes: int) -> None:
        self.left.append(size_bytes)

    async def take(self, request: Request) -> Taken:
        if self.error is not None:
            raise self.error
        return Taken(refused=len(request.body))


def test_room_grows_and_is_given_back() -> None:
    """
    A request has room for as much as it has said so far, and gives back exactly what it was given.
    """
    intake = _Intake()
    with Room(intake) as room:
        for size in (100, 50, 100, 250):
            room.make(size)
            assert room.size_bytes == sum(intake.admitted) >= size

    assert intake.admitted == intake.left == [100, 150]


def test_empty_request_asks_too() -> None:
    """
    Also a request of no bytes is refused when the intake takes none.
    """
    intake = _Intake(room_bytes=-1)

    with pytest.raises(Refused) as caught, Room(intake) as room:
        room.make(0)

    assert (caught.value.refusal, caught.value.wait_s) == (Refusal.TRY_LATER, 1.5)
    assert intake.left == []


def test_refused_on_the_way() -> None:
    """
    A request that is refused while it grows gives back what it had.
    """
    intake = _Intake(room_bytes=100)

    with Room(intake) as room:
        room.make(80)
        with pytest.raises(Refused):
            room.make(101)

    assert intake.left == intake.admitted == [80]


@pytest.mark.parametrize(
    ("error", "refusal"),
    [(TryLater("full"), Refusal.TRY_LATER), (ValueError("no OTLP"), Refusal.NOT_UNDERSTOOD)],
)
def test_intake_refuses(error: Exception, refusal: Refusal) -> None:
    """
    What the intake raises becomes what the sender is told, in the intake's words.
    """
    with pytest.raises(Refused, match=str(error)) as caught:
        asyncio.run(hand_in(_Intake(error=error), Request(Signal.TRACES, Encoding.JSON, b"")))

    assert caught.value.refusal is refusal


def test_intake_takes() -> None:
    """
    What the intake says of a request that it has taken is handed on.
    """
    request = Request(Signal.LOGS, Encoding.JSON, b"123")

    assert asyncio.run(hand_in(_Intake(), request)) == Taken(refused=3)
