"""JSON documents out of text as files really hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanlabel.errors import InputError
from spanlabel.sources import documents
from spanlabel.sources.documents import read_documents


def document(content: object) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": content}]}]}]}


A, B, C = (document(name) for name in "abc")
LAID_OUT_LINES = json.dumps(A, indent=2).count("\n") + 1
LINE_A, LINE_B, LINE_C = (json.dumps(d, separators=(",", ":")) for d in (A, B, C))


def read(text: str | bytes, piece_bytes: int = 1 << 18) -> tuple[list[object], list[str]]:
    """The documents with their lines, and the problems' texts."""
    data = text.encode() if isinstance(text, str) else text
    pieces: Iterator[bytes | InputError] = iter([data[i : i + piece_bytes] for i in range(0, len(data), piece_bytes)])
    return sort(read_documents(pieces, name="f"))


def sort(found: Iterator[Any]) -> tuple[list[object], list[str]]:
    good: list[object] = []
    bad: list[str] = []
    for item in found:
        if isinstance(item, InputError):
            bad.append(str(item))
        else:
            good.append(item)
    return good, bad


class TestLayouts:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param(f"{LINE_A}\n{LINE_B}\n", [(1, A), (2, B)], id="a line each"),
            pytest.param(f"{LINE_A}\n{LINE_B}", [(1, A), (2, B)], id="no line end at the end"),
            pytest.param(f"{LINE_A}\r\n{LINE_B}\r\n", [(1, A), (2, B)], id="Windows line ends"),
            pytest.param(f"\n\n{LINE_A}\n  \n\t{LINE_B} \n\n", [(3, A), (5, B)], id="blank lines"),
            pytest.param(
                f"{LINE_A}{LINE_B} {LINE_C}\n{LINE_A}", [(1, A), (1, B), (1, C), (2, A)], id="several on a line"
            ),
            pytest.param(json.dumps(A, indent=2), [(1, A)], id="laid out"),
            pytest.param(json.dumps(A, indent=0), [(1, A)], id="laid out without indentation"),
            pytest.param(json.dumps(A, indent="\t").replace("\n", "\r\n"), [(1, A)], id="laid out on Windows"),
            pytest.param(
                f"{json.dumps(A, indent=2)}\n{json.dumps(B, indent=2)}\n",
                [(1, A), (1 + LAID_OUT_LINES, B)],
                id="two laid out",
            ),
            pytest.param(
                f"{json.dumps(A, indent=2)}\n{LINE_B}\n", [(1, A), (1 + LAID_OUT_LINES, B)], id="laid out, then a line"
            ),
            pytest.param(f"{LINE_B}\n\n{json.dumps(A, indent=2)}", [(1, B), (3, A)], id="a line, then laid out"),
            pytest.param("", [], id="nothing"),
            pytest.param(" \n\n", [], id="nothing but blanks"),
            pytest.param("7\n[\n1\n]", [(1, 7), (2, [1])], id="JSON that is no OTLP"),
        ],
    )
    def test_layout(self, text: str, expected: list[object]) -> None:
        """However documents are laid out, all are found, with the line on which each begins."""
        for piece_bytes in (1, 7, 1 << 18):
            assert read(text, piece_bytes) == (expected, [])

    def test_long_laid_out_documents(self) -> None:
        """Documents of many lines are given one by one, without waiting for the end of the file."""
        long = {"resourceSpans": list(range(50_000))}
        text = json.dumps(long, indent=1)
        lines = text.count("\n") + 1
        asked: list[int] = []

        def pieces() -> Iterator[bytes]:
            for number in range(8):
                asked.append(number)
                yield text.encode() + b"\n"

        found = read_documents(pieces(), name="f")
        assert next(found) == (1, long)
        assert len(asked) <= 3
        assert [item[0] for item in found if not isinstance(item, InputError)] == [1 + n * lines for n in range(1, 8)]


class TestTorn:
    @pytest.mark.parametrize("cut", range(1, len(LINE_A)))
    def test_last_line(self, cut: int) -> None:
        """A file that ends within its last line gives all before it, and that line is named."""
        assert read(f"{LINE_B}\n{LINE_A[:cut]}") == ([(1, B)], ["f:2: the document is cut off"])

    @pytest.mark.parametrize("cut", range(1, len(LINE_A)))
    @pytest.mark.parametrize("between", ["\n", "", "\n\n"])
    def test_in_the_middle(self, cut: int, between: str) -> None:
        """After a crash the Collector goes on behind the torn document, on its line or below: the rest is read."""
        good, bad = read(f"{LINE_B}\n{LINE_A[:cut]}{between}{LINE_C}\n{LINE_B}\n")
        assert [item[1] for item in good] == [B, C, B]  # type: ignore[index] # a pair
        assert bad == ["f:2: the document is cut off"]

    def test_laid_out(self) -> None:
        """A laid out document that is torn costs itself, not the next one."""
        torn = json.dumps(A, indent=2)[:-5]
        after = torn.count("\n") + 2
        assert read(f"{torn}\n{LINE_B}\n") == ([(after, B)], ["f:1: the document is cut off"])
        good, bad = read(f"{torn}\n{json.dumps(B, indent=2)}\n{LINE_C}\n")
        assert good == [(after, B), (after + LAID_OUT_LINES, C)]
        assert bad == ["f:1: the document is cut off"]

    def test_reason_is_given_elsewhere(self) -> None:
        """Where the text breaks off because decompression failed, that is the only problem named."""
        why = InputError("the gzip data ends early", file="f")
        for cut in range(1, len(LINE_B)):
            pieces: list[bytes | InputError] = [f"{LINE_A}\n{LINE_B[:cut]}".encode(), why]
            assert sort(read_documents(iter(pieces), name="f")) == ([(1, A)], [str(why)])
        whole: list[bytes | InputError] = [f"{LINE_A}\n{LINE_B}".encode(), why]
        assert sort(read_documents(iter(whole), name="f")) == ([(1, A), (2, B)], [str(why)])

    def test_within_a_character(self) -> None:
        """A line torn within a character of several bytes is torn, not badly encoded."""
        torn = json.dumps(document("\N{GRINNING FACE}"), ensure_ascii=False).encode()
        assert read(torn[: torn.index(b"\xf0") + 2]) == ([], ["f:1: the document is cut off"])


class TestBroken:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("nonsense", "not JSON: Expecting value (column 1)"),
            ('{"a": tru}', "not JSON: Expecting value (column 7)"),
            ("{'a': 1}", "not JSON: Expecting property name enclosed in double quotes (column 2)"),
            ('{"a": "secret\t"}', "not JSON: Invalid control character at (column 14)"),
            ("[" * 100_000 + "]" * 100_000, "not read: nested too deeply"),
            ('{"a": ' + "9" * 5000 + "}", "not read: a number is too long"),
        ],
    )
    def test_line(self, line: str, said: str) -> None:
        """A broken line is named with what is wrong and without its content; the rest is read."""
        assert read(f"{LINE_A}\n{line}\n{LINE_B}\n") == ([(1, A), (3, B)], [f"f:2: {said}"])

    def test_rest_of_a_line(self) -> None:
        """A document before the broken one on the same line is given."""
        assert read(f"{LINE_A}, {LINE_B}\n{LINE_C}") == (
            [(1, A), (1, B), (2, C)],
            ["f:1: the document is cut off"],
        )

    def test_laid_out(self) -> None:
        """A broken laid out document is one problem, on the line of the fault, not one for each of its lines."""
        lines = json.dumps(A, indent=2).splitlines()
        lines[4] = "oops"
        text = "\n".join([*lines, LINE_B])
        assert read(text) == ([(1 + LAID_OUT_LINES, B)], ["f:5: not JSON: Expecting value (column 1)"])

    def test_second_laid_out(self) -> None:
        """The fault's line is right for a document that does not come first."""
        lines = json.dumps(A, indent=2).splitlines()
        text = "\n".join([*lines, *lines[:4], "oops", *lines[5:]])
        assert read(text) == ([(1, A)], [f"f:{LAID_OUT_LINES + 5}: not JSON: Expecting value (column 1)"])

    def test_encoding(self) -> None:
        """Bytes that are no UTF-8 are replaced and named; the document is still read."""
        raw = LINE_A.replace('"a"', '"\udcff!"').encode(errors="surrogateescape")
        assert read(raw + b"\n" + LINE_B.encode()) == (
            [(1, document("\N{REPLACEMENT CHARACTER}!")), (2, B)],
            ["f:1: bytes that are no UTF-8 were replaced"],
        )


class TestBounds:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(documents, "MAX_DOCUMENT_BYTES", 500)

    def test_long_line(self) -> None:
        """A line beyond the cap is named and passed over without being held."""
        long = json.dumps(document("x" * 5000))
        for piece_bytes in (1, 100, 1 << 18):
            good, bad = read(f"{LINE_A}\n{long}\n{LINE_B}\n{long}", piece_bytes)
            assert good == [(1, A), (3, B)]
            assert bad == ["f:2: the document is longer than 0 MiB", "f:4: the document is longer than 0 MiB"]

    def test_long_laid_out_document(self) -> None:
        """The same for a laid out document; the one after it is read."""
        long = json.dumps(document(["x"] * 100), indent=2)
        after = 2 + long.count("\n")
        assert read(f"{long}\n{LINE_A}") == ([(after, A)], ["f:1: the document is longer than 0 MiB"])


_names = st.text(max_size=8) | st.sampled_from(
    ['{"resourceSpans":[', '\n{"resourceLogs":', "\\", "]}]}", "\N{GRINNING FACE}"]
)
_layouts = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}])


class TestProperties:
    @given(
        parts=st.lists(
            st.tuples(_names, _layouts, st.sampled_from(["\n", "\r\n", "\n\n", " \n", "", " "])), max_size=8
        ),
        piece_bytes=st.sampled_from([1, 3, 50, 1 << 18]),
    )
    @settings(deadline=None)
    def test_all_are_found(self, parts: list[tuple[str, dict[str, Any], str]], piece_bytes: int) -> None:
        """Documents in any mixture of layouts, split into pieces anywhere, all come, in their order."""
        text = "".join(json.dumps(document(name), **layout) + end for name, layout, end in parts)
        good, bad = read(text, piece_bytes)
        assert bad == []
        assert [item[1] for item in good] == [document(name) for name, _, _ in parts]  # type: ignore[index] # a pair

    @given(
        parts=st.lists(st.tuples(_names, st.none() | st.integers(1, 40), st.booleans()), min_size=1, max_size=8),
    )
    @settings(deadline=None)
    def test_intact_ones_are_found(self, parts: list[tuple[str, int | None, bool]]) -> None:
        """Of lines of which some are torn, with or without a line end, every intact one comes."""
        text, expected, torn = "", [], 0
        for name, cut, has_end in parts:
            line = json.dumps(document(name), separators=(",", ":"))
            text += line[:cut] + ("\n" if has_end or cut is None else "")
            torn += cut is not None
            if cut is None:
                expected.append(document(name))
        good, bad = read(text)
        assert [item[1] for item in good] == expected  # type: ignore[index] # a pair
        assert bool(bad) == bool(torn)
        assert len(bad) <= torn

    @given(text=st.text(alphabet='{}[]",:\\ \nresourceSpan1', max_size=80) | st.binary(max_size=60))
    @settings(deadline=None, max_examples=300)
    def test_anything(self, text: str | bytes) -> None:
        """Whatever the text, reading ends, raises nothing, and finds a document after it."""
        line_end = "\n" if isinstance(text, str) else b"\n"
        after = LINE_A if isinstance(text, str) else LINE_A.encode()
        good, _ = read(text + line_end + after)  # type: ignore[operator] # both of one type
        assert good[-1][1] == A  # type: ignore[index] # a pair

    @pytest.mark.parametrize(
        "hostile",
        [
            '{"resourceSpans":[' * 20_000,
            '{"resourceSpans":[\n' * 20_000,
            "{\n" * 20_000,
            '"' * 20_001 + "\n" * 20_000,
            "[\n" * 300 + "1,\n" * 200_000,
            '{"a":\n' + '"\\""\n' * 50_000,
            (LINE_A + " ") * 5_000,
            json.dumps(A, indent=2) * 3_000,
        ],
    )
    def test_linear(self, hostile: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """No text makes the decoder read it more than a few times over."""
        work = 0
        decode = documents._raw_decode

        def counted(text: str, position: int) -> tuple[object, int]:
            nonlocal work
            try:
                document, end = decode(text, position)
            except json.JSONDecodeError as error:
                # An unterminated string is found at the end of the text, though its start is reported.
                work += (len(text) if error.msg.startswith("Unterminated") else error.pos) - position
                raise
            except RecursionError:
                work += 20_000  # a thousand levels of the longest opening above
                raise
            work += end - position
            return document, end

        monkeypatch.setattr(documents, "_raw_decode", counted)
        read(hostile)
        assert work <= 12 * len(hostile) + 200_000
