from random import Random

from hypothesis import given
from hypothesis import strategies as st

from spanlabel.delivery.halving import Halving


def _search(batch: list[int], guilty: set[int]) -> tuple[list[int], list[int], int]:
    """Send *batch* to a platform that refuses *guilty*: what passed, what was found, and the requests it took."""
    halving, passed, found, requests = Halving(batch), [], [], 0
    while not halving.is_done:
        sent = list(halving.next())
        requests += 1
        if guilty.isdisjoint(sent):
            passed += sent
            halving.passed()
        elif (culprit := halving.refused()) is not None:
            found.append(culprit)
    return passed, found, requests


@given(st.integers(0, 60).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, max(0, n - 1))))))
def test_finds_exactly_the_guilty(case: tuple[int, set[int]]) -> None:
    """
    However many records of a batch are refused: each of them is found, all others pass, in order and once.
    """
    n, guilty = case
    batch = list(range(n))

    passed, found, _ = _search(batch, guilty)

    assert passed == [item for item in batch if item not in guilty]
    assert found == [item for item in batch if item in guilty]


def test_one_in_a_hundred_costs_ten_requests() -> None:
    """
    One poison record among 100 costs at most 10 requests, wherever it stands.
    """
    most = max(_search(list(range(100)), {culprit})[2] for culprit in range(100))

    assert most == 10


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)), st.randoms())))
def test_a_platform_that_sometimes_names_them(case: tuple[int, set[int], Random]) -> None:
    """
    Named or searched for, in any mixture: each culprit is found once, all others pass, in order and once.
    """
    n, guilty, chance = case
    halving, passed, found = Halving(list(range(n))), [], []
    while not halving.is_done:
        sent = list(halving.next())
        places = [place for place, item in enumerate(sent) if item in guilty]
        if not places:
            passed += sent
            halving.passed()
        elif chance.random() < 0.5:
            found += halving.named(places[: chance.randint(1, len(places))])
        elif (culprit := halving.refused()) is not None:
            found.append(culprit)

    assert passed == [item for item in range(n) if item not in guilty]
    assert sorted(found) == sorted(guilty)


def test_a_named_one_costs_two() -> None:
    """
    One poison record among 100 that the platform names costs 2 requests: the refused one, and the rest.
    """
    halving = Halving(range(100))

    assert halving.named([37]) == [37]
    assert halving.next() == [n for n in range(100) if n != 37]
    assert not halving.is_searching


def test_a_name_that_does_not_exist() -> None:
    """
    A place outside the batch changes nothing, so that the search can begin.
    """
    halving = Halving(range(3))

    assert halving.named([3, -1]) == []
    assert halving.next() == [0, 1, 2]


def test_a_good_batch_costs_one() -> None:
    """
    Where nothing is refused there is one request.
    """
    assert _search(list(range(100)), set())[2] == 1


def test_nothing_is_forgotten_in_the_middle() -> None:
    """
    At every moment each record has passed, was found, or is still in hand.
    """
    halving = Halving(range(9))
    halving.refused()
    halving.passed()
    halving.refused()

    assert halving.items == [4, 5, 6, 7, 8]
    assert halving.is_searching


def test_a_platform_that_changes_its_mind() -> None:
    """
    A batch that was refused and whose every half then passes ends without a culprit.
    """
    halving = Halving([1, 2, 3])
    halving.refused()
    while not halving.is_done:
        halving.passed()

    assert halving.items == []
