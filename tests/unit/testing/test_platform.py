import pytest

from spanlabel.errors import ConfigError, Rejected, TryLater
from spanlabel.testing import MemoryPlatform, MemoryWriter, make_record


@pytest.fixture
def platform() -> MemoryPlatform:
    return MemoryPlatform()


@pytest.fixture
def writer(platform: MemoryPlatform) -> MemoryWriter:
    writer = platform.writer()
    writer.open()
    return writer


def test_it_outlives_its_writers(platform: MemoryPlatform, writer: MemoryWriter) -> None:
    """
    What one writer stored the next one finds.
    """
    writer.write([make_record(1)], timeout_s=1.0)
    writer.close()

    assert platform.answers() == {make_record(1).id: "answer 1"}
    assert platform.writer().platform is platform


def test_away_for_some_requests(platform: MemoryPlatform, writer: MemoryWriter) -> None:
    """
    It can be away for a number of requests, of which it stores nothing.
    """
    platform.later, platform.retry_after_s = 1, 7.0

    with pytest.raises(TryLater) as caught:
        writer.write([make_record(1)], timeout_s=1.0)
    assert caught.value.retry_after_s == 7.0
    assert platform.records == {}
    writer.write([make_record(1)], timeout_s=1.0)
    assert platform.requests == [[make_record(1).id]] * 2


def test_an_answer_that_gets_lost(platform: MemoryPlatform, writer: MemoryWriter) -> None:
    """
    It can store a batch and then seem not to have.
    """
    platform.lost_answers = 1

    with pytest.raises(TryLater, match="lost"):
        writer.write([make_record(1)], timeout_s=1.0)
    assert list(platform.records) == [make_record(1).id]


def test_refuses_certain_records(platform: MemoryPlatform, writer: MemoryWriter) -> None:
    """
    One refused record refuses its batch, of which nothing is stored.
    """
    platform.refused = {make_record(2).id}

    with pytest.raises(Rejected, match=make_record(2).id):
        writer.write([make_record(1), make_record(2)], timeout_s=1.0)
    assert platform.records == {}


def test_complains_about_a_setting(platform: MemoryPlatform, writer: MemoryWriter) -> None:
    """
    A wrong setting shows in opening and in writing.
    """
    platform.wrong_setting = "no such project"

    with pytest.raises(ConfigError, match="no such project"):
        writer.write([make_record(1)], timeout_s=1.0)
    with pytest.raises(ConfigError, match="no such project"):
        platform.writer().open()


def test_holds_its_caller_to_the_contract(platform: MemoryPlatform, writer: MemoryWriter) -> None:
    """
    A worker that breaks the contract is found out.
    """
    for batch, timeout_s in (([], 1.0), ([make_record(1)] * 1_001, 1.0), ([make_record(1)], 0.0)):
        with pytest.raises(RuntimeError, match="1 to 1000 records"):
            writer.write(batch, timeout_s=timeout_s)
    with pytest.raises(RuntimeError, match="open is called once"):
        writer.open()
    writer.close()
    with pytest.raises(RuntimeError, match="before close"):
        writer.write([make_record(1)], timeout_s=1.0)
    with pytest.raises(RuntimeError, match="after open"):
        platform.writer().write([make_record(1)], timeout_s=1.0)
