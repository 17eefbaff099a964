from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from spanlabel.records import NAMESPACE, record_id


def test_ids_never_change() -> None:
    """
    A record written by any earlier version is found again: the id of a run is what it always was.
    """
    assert str(NAMESPACE) == "aec7372e-0057-5c8b-9a7e-21f2eb553c35"
    assert record_id(f"{1:032x}", f"{2:016x}", 0) == "621efd2a-5c46-5cb6-93ab-b4098f71cdf6"


def test_id_is_a_uuid() -> None:
    """
    A platform that wants a UUID gets one.
    """
    assert UUID(record_id("a" * 32, "b" * 16, 3)).version == 5


_keys = st.tuples(st.integers(1, 50), st.integers(1, 50), st.integers(0, 5))


@given(_keys, _keys)
def test_each_turn_of_each_unit_has_its_own_id(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    """
    Two records share an id only if trace, unit and turn are the same.
    """
    ids = [record_id(f"{trace:032x}", f"{span:016x}", turn) for trace, span, turn in (one, other)]

    assert (ids[0] == ids[1]) == (one == other)
