from spanlabel.platforms.label_studio import fates
from spanlabel.platforms.label_studio.fates import Fates


def test_what_is_known() -> None:
    """
    What a failed write has learned is used by the next one; the latest word counts.
    """
    known = Fates()
    known.there(["a", "b"])
    known.absent(["b", "c"])
    known.forget(["a"])

    assert known.unknown(["a", "b", "c", "d"]) == ["a", "d"]
    assert known.written(["a", "b", "c", "d"]) == set()


def test_an_assumption_changes_nothing_that_is_known() -> None:
    """
    That the caller knows of no earlier write does not undo what was written a moment ago.
    """
    known = Fates()
    known.there(["a"])
    known.assume_absent(["a", "b"])

    assert known.written(["a", "b"]) == {"a"}
    assert known.unknown(["a", "b"]) == []


def test_it_does_not_grow_without_end() -> None:
    """
    The oldest are forgotten where there are too many.
    """
    known = Fates()
    known.absent(str(n) for n in range(fates._MOST + 5))

    assert known.unknown(str(n) for n in range(fates._MOST + 5)) == ["0", "1", "2", "3", "4"]
