"""Several files as if they were one, in order of time."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanlabel.errors import InputError
from spanlabel.sources import side_by_side
from spanlabel.sources.side_by_side import read_side_by_side

SAMPLES = Path(__file__).parents[2] / "data" / "otlp_json" / "collector"


def document(number: int, ended_s: float) -> str:
    """A line with one span, whose id is *number*."""
    span = {"traceId": f"{1:032x}", "spanId": f"{number:016x}", "endTimeUnixNano": str(int(ended_s * 1e9))}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}) + "\n"


def log_document(number: int, at_s: float) -> str:
    """A line with one log record, of span *number*."""
    log = {"traceId": f"{1:032x}", "spanId": f"{number:016x}", "timeUnixNano": str(int(at_s * 1e9)), "eventName": "e"}
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]}) + "\n"


class Reading:
    """What one call gave: span ids in order, log records as their span's id below zero; and what was complained of."""

    def __init__(self, *paths: str | Path, strict: bool = False) -> None:
        self.problems: list[str] = []
        self.read_bytes = 0
        self.ids: list[int] = []
        for decoded in read_side_by_side(
            paths, problem=lambda error: self.problems.append(str(error)), strict=strict, progress=self._on_progress
        ):
            self.ids += [int(span.span_id, 16) for span in decoded.spans]
            self.ids += [-int(log.span_id, 16) for log in decoded.logs]

    def _on_progress(self, n: int) -> None:
        self.read_bytes += n


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is larger than what is simply read one after the other."""
    monkeypatch.setattr(side_by_side, "WHOLE_BYTES", 0)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, *lines: str) -> Path:
        path = tmp_path / name
        path.write_text("".join(lines))
        return path

    return write


@pytest.mark.usefixtures("large")
class TestLarge:
    def test_two_services(self, file: Callable[..., Path]) -> None:
        """
        What two services wrote at about the same time comes together, whichever file is named first.
        """
        cart = file("cart.json", *(document(n, n) for n in range(1, 41, 2)))
        shop = file("shop.json", *(document(n, n) for n in range(2, 41, 2)))

        for paths in ([cart, shop], [shop, cart]):
            ids = Reading(*paths).ids
            assert sorted(ids) == list(range(1, 41))
            assert all(abs(n - place) <= 1 for place, n in enumerate(ids, 1))

    def test_logs_beside_traces(self, file: Callable[..., Path]) -> None:
        """
        A span's log records come next to it although they lie in another file.
        """
        traces = file("traces.json", *(document(n, n) for n in range(1, 9)))
        logs = file("logs.json", *(log_document(n, n) for n in range(1, 9)))

        ids = Reading(traces, logs).ids

        assert all(abs(ids.index(n) - ids.index(-n)) <= 2 for n in range(1, 9))

    def test_rotated_set(self, file: Callable[..., Path], tmp_path: Path) -> None:
        """
        A folder with a rotated set is read in the order in which it was written.
        """
        for first, name in (
            (7, "traces.json"),
            (4, "traces-2026-11-21T07-53-52.372-size.json"),
            (1, "traces-2026.json"),
        ):
            file(name, *(document(n, n) for n in range(first, first + 3)))

        assert Reading(tmp_path).ids == list(range(1, 10))
        assert Reading(tmp_path / "traces.json", tmp_path / "traces-2026.json").ids == [1, 2, 3, 7, 8, 9]

    def test_torn_last_line_of_each(self, file: Callable[..., Path], tmp_path: Path) -> None:
        """
        The last line of each file of a set may be torn, and two documents may stand on one line: the rest is read,
        and each torn line is said once.
        """
        torn = document(99, 99)[:60]
        file("traces-1.json", document(1, 1), document(2, 2), torn)
        file("traces-2.json", document(3, 3).rstrip(), document(4, 4), torn)
        file("traces.json", torn, document(5, 5))

        reading = Reading(tmp_path)

        assert reading.ids == [1, 2, 3, 4, 5]
        assert sorted(reading.problems) == [
            f"{tmp_path}/traces-1.json:3: the document is cut off",
            f"{tmp_path}/traces-2.json:2: the document is cut off",
            f"{tmp_path}/traces.json:1: the document is cut off",
        ]

    def test_wrong_clock(self, file: Callable[..., Path]) -> None:
        """
        A document from a machine whose clock is years off costs no other its place for long.
        """
        odd = file("odd.json", document(1, 1), document(2, 4e8), document(3, 3), document(6, 6))
        even = file("even.json", document(4, 2), document(5, 5))

        assert sorted(Reading(odd, even).ids) == [1, 2, 3, 4, 5, 6]

    def test_many_files(self, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Of more files than may be open at once none is forgotten.
        """
        monkeypatch.setattr(side_by_side, "MAX_OPEN", 3)
        files = [file(f"{n}.json", *(document(n + 10 * k, 10 * k) for k in range(3))) for n in range(1, 10)]

        reading = Reading(*files)

        assert sorted(reading.ids) == sorted(n + 10 * k for n in range(1, 10) for k in range(3))
        assert reading.read_bytes == sum(path.stat().st_size for path in files)

    def test_without_time(self, file: Callable[..., Path]) -> None:
        """
        Files that tell no time are read, too.
        """
        assert sorted(Reading(file("a", document(1, 0), document(2, 0)), file("b", document(3, 0))).ids) == [1, 2, 3]

    def test_standard_input_beside_files(self, file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
        """
        Standard input, which can be read only once, is read beside files like one of them.
        """
        piped = (document(1, 1) + document(3, 3) + document(5, 5)).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped)))

        assert Reading("-", file("traces.json", document(2, 2), document(4, 4))).ids == [1, 3, 2, 4, 5]

    def test_strict(self, file: Callable[..., Path], tmp_path: Path) -> None:
        """
        With strict the first problem is raised: of a file as of a folder.
        """
        good, bad = file("a.json", document(1, 1)), file("b.json", "oops\n")
        (tmp_path / "bare").mkdir()

        with pytest.raises(InputError, match="not JSON"):
            Reading(good, bad, strict=True)
        with pytest.raises(InputError, match="holds no file"):
            Reading(good, tmp_path / "bare", strict=True)

    @settings(max_examples=60, deadline=None)
    @given(times=st.lists(st.lists(st.integers(0, 50), max_size=6), min_size=2, max_size=5), max_open=st.integers(1, 3))
    def test_any_times(self, times: Sequence[Sequence[int]], max_open: int) -> None:
        """
        Whatever the times are, each document comes once, and those of a file in its order.
        """
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr(side_by_side, "MAX_OPEN", max_open)
            files = [Path(folder, str(n)) for n in range(len(times))]
            for n, (path, ended) in enumerate(zip(files, times, strict=True)):
                path.write_text("".join(document(100 * n + k + 1, second) for k, second in enumerate(ended)))

            reading = Reading(*files)

        for n, ended in enumerate(times):
            assert [i - 100 * n for i in reading.ids if 100 * n < i <= 100 * n + 99] == list(range(1, len(ended) + 1))
        assert len(reading.ids) == sum(map(len, times))


def test_small_files_one_after_the_other(file: Callable[..., Path]) -> None:
    """
    Small files come in the order in which they are named, so that what is said of them does, too.
    """
    late, early = file("late.json", document(2, 2), "oops\n"), file("early.json", document(1, 1), "oops\n")

    reading = Reading(late, early)

    assert reading.ids == [2, 1]
    assert [problem.partition(".json")[0] for problem in reading.problems] == [str(late)[:-5], str(early)[:-5]]


@pytest.mark.parametrize("is_large", [False, True], ids=["small", "large"])
def test_what_the_collector_writes(monkeypatch: pytest.MonkeyPatch, is_large: bool) -> None:
    """
    A folder with all framings of a real Collector's file exporter is read whole.
    """
    if is_large:
        monkeypatch.setattr(side_by_side, "WHOLE_BYTES", 0)
    alone = {name.name: Reading(name).ids for name in SAMPLES.iterdir()}

    together = Reading(SAMPLES)

    assert together.problems == []
    assert sorted(together.ids) == sorted(i for ids in alone.values() for i in ids)
    assert all(alone.values())
