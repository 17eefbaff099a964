from collections.abc import Callable, Sequence, Set

import pytest
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value

from spanlabel.delivery.answer import Later, Misconfigured, Refused, Surprise, Taken, ask
from spanlabel.errors import ConfigError, Rejected, TryLater
from spanlabel.model import Record
from spanlabel.ports import Outcome
from spanlabel.testing import make_record


class _Writer:
    def __init__(self, say: Callable[[], list[Outcome]]) -> None:
        self._say = say

    def open(self) -> None: ...

    def write(self, batch: Sequence[Record], *, timeout_s: float, maybe_there: Set[str] = frozenset()) -> list[Outcome]:
        return self._say()

    def close(self) -> None: ...


def _raise(error: Exception) -> list[Outcome]:
    raise error


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (TryLater("down"), Later),
        (Rejected("bad"), Refused),
        (ConfigError("no such project"), Misconfigured),
        (KeyError("id"), Surprise),
    ],
)
def test_every_exception_is_an_answer(error: Exception, answer: type) -> None:
    """
    Whatever a writer raises is understood; a stranger's fault does not get through.
    """
    found = ask(_Writer(lambda: _raise(error)), [make_record()], timeout_s=1.0, maybe_there=frozenset())

    assert type(found) is answer
    assert found.error is error


def test_outcomes() -> None:
    """
    One outcome for each record is success.
    """
    writer = _Writer(lambda: [Outcome.KEPT])

    assert ask(writer, [make_record()], timeout_s=1.0, maybe_there=frozenset()) == Taken([Outcome.KEPT])


def test_too_few_outcomes() -> None:
    """
    A writer that is silent about a record is not taken to have delivered it.
    """
    found = ask(
        _Writer(lambda: [Outcome.DELIVERED]), [make_record(1), make_record(2)], timeout_s=1.0, maybe_there=frozenset()
    )

    assert isinstance(found, Surprise)
    assert found.text == "RuntimeError: 1 outcomes for 2 records"


def test_untraced() -> None:
    """
    Our calls to a platform never show up in the app's own traces.
    """
    seen: list[object] = []

    def look() -> list[Outcome]:
        seen.append(get_value(_SUPPRESS_INSTRUMENTATION_KEY))
        return [Outcome.DELIVERED]

    ask(_Writer(look), [make_record()], timeout_s=1.0, maybe_there=frozenset())

    assert seen == [True]
