import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.delivery.retry import FIRST_DELAY_S, MAX_DELAY_S, MAX_RETRY_AFTER_S, next_delay_s


def _latest() -> float:
    return 1.0 - 2**-53


@pytest.mark.parametrize(
    ("attempt", "bound_s"), [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (8, 60.0), (100_000, 60.0)]
)
def test_pauses_double_up_to_a_bound(attempt: int, bound_s: float) -> None:
    """
    A platform that stays away is asked less and less often, but at least once a minute.
    """
    assert next_delay_s(attempt, retry_after_s=None, jitter=_latest) == pytest.approx(bound_s)


def test_pauses_are_spread() -> None:
    """
    Processes that lost the platform together come back at different times: from at once to the bound.
    """
    delays = [next_delay_s(4, retry_after_s=None, jitter=lambda n=n: n / 4) for n in range(4)]

    assert delays == [0.0, 2.0, 4.0, 6.0]


def test_the_platform_says_how_long() -> None:
    """
    Retry-After is honoured, however early the attempt, and nobody comes sooner.
    """
    assert next_delay_s(1, retry_after_s=90.0, jitter=lambda: 0.0) == 90.0
    assert next_delay_s(1, retry_after_s=90.0, jitter=_latest) == pytest.approx(90.0 + FIRST_DELAY_S)


@pytest.mark.parametrize("nonsense", [-1.0, float("nan"), float("inf")])
def test_a_nonsensical_wish_is_ignored(nonsense: float) -> None:
    """
    A broken Retry-After does not stop delivery.
    """
    assert next_delay_s(1, retry_after_s=nonsense, jitter=lambda: 0.5) == 0.5


@given(st.integers(1, 10**9), st.none() | st.floats(), st.floats(0, 1, exclude_max=True))
def test_always_a_usable_pause(attempt: int, retry_after_s: float | None, jitter: float) -> None:
    """
    Whatever happened: the pause is between nothing and an hour and a bit.
    """
    delay_s = next_delay_s(attempt, retry_after_s=retry_after_s, jitter=lambda: jitter)

    assert 0 <= delay_s <= max(MAX_DELAY_S, MAX_RETRY_AFTER_S + FIRST_DELAY_S)
