from spanlabel.testing import FakeClock


def test_moves_only_when_told() -> None:
    """
    A test says what time it is.
    """
    clock = FakeClock(100.0)
    clock.advance(2.5)
    clock.advance(-1.0)

    assert (clock.time(), clock.time()) == (101.5, 101.5)
