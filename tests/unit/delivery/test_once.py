from spanlabel.delivery.once import OncePerMinute


def test_once_a_minute_for_each_kind() -> None:
    """
    A fault that repeats makes one log line a minute, and does not hide another fault.
    """
    once = OncePerMinute()

    assert [once.permits("a", now_s) for now_s in (0.0, 59.9, 60.0, 61.0)] == [True, False, True, False]
    assert once.permits("b", 61.0)


def test_a_clock_set_back() -> None:
    """
    A clock that was set back does not silence anything.
    """
    once = OncePerMinute()
    once.permits("a", 1_000_000.0)

    assert once.permits("a", 0.0)
