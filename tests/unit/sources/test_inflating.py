import gzip
import sys
import zlib
from contextlib import suppress

import backports.zstd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.sources.answers import Refusal, Refused
from spanlabel.sources.inflating import inflating

_COMPRESS = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": backports.zstd.compress}
_CODINGS = pytest.mark.parametrize("coding", list(_COMPRESS))


def _inflate(coding: str, pieces: list[bytes], step: int = 1 << 20, most: int = 1 << 24) -> bytes:
    reading = inflating(coding)
    assert reading is not None
    for piece in pieces:
        reading.feed(piece)
        while not reading.go_on(reading.size_bytes + step):
            assert reading.size_bytes <= most
    return reading.finish()


@given(
    st.sampled_from(list(_COMPRESS)),
    st.lists(st.binary(max_size=2000) | st.integers(0, 9000).map(bytes), max_size=4),
    st.integers(1, 3000),
    st.integers(1, 3000),
)
def test_round_trip(coding: str, streams: list[bytes], piece: int, step: int) -> None:
    """
    What was compressed comes out as it was, in however many pieces it came and in whatever steps it is inflated.
    """
    packed = b"".join(_COMPRESS[coding](one) for one in (streams[:1] if coding == "deflate" else streams))
    wanted = b"".join(streams[:1] if coding == "deflate" else streams)

    pieces = [packed[at : at + piece] for at in range(0, len(packed), piece)]

    assert _inflate(coding, pieces, step) == wanted


@_CODINGS
def test_stops_where_it_is_told(coding: str) -> None:
    """
    A bomb never writes more than it is allowed, and shows early how little it is made of.
    """
    reading = inflating(coding)
    assert reading is not None
    reading.feed(_COMPRESS[coding](bytes(1 << 24)))

    for allowed in (1, 2, 1000, 65_536, 65_537, 1 << 17):
        assert not reading.go_on(allowed)
        assert reading.size_bytes == allowed

    assert reading.size_bytes > 100 * reading.read_bytes


@_CODINGS
def test_cut_off(coding: str) -> None:
    """
    Data that ends early is refused, wherever it ends, and not taken for the half that is there.
    """
    packed = _COMPRESS[coding](b"a span and another span")
    for end in range(1, len(packed)):
        with pytest.raises(Refused, match=f"the {coding} data ends early"):
            _inflate(coding, [packed[:end]])


@given(st.sampled_from(list(_COMPRESS)), st.binary(min_size=1, max_size=300))
def test_garbage(coding: str, garbage: bytes) -> None:
    """
    Whatever comes under the name of a compression is inflated or refused as not understood: nothing else happens.
    """
    with suppress(Refused):
        _inflate(coding, [garbage])


def test_many_streams() -> None:
    """
    A body of thousands of empty streams, each of which costs a decompressor, is refused.
    """
    with pytest.raises(Refused, match="more than 1000 gzip streams"):
        _inflate("gzip", [gzip.compress(b"") * 1001])


def test_large_window() -> None:
    """
    A zstd body that asks for 128 MB of memory to be read is refused.
    """
    making = backports.zstd.ZstdCompressor(options={backports.zstd.CompressionParameter.window_log: 27})
    packed = making.compress(bytes(1000)) + making.flush()

    with pytest.raises(Refused, match="the zstd data is damaged, or needs too much memory"):
        _inflate("zstd", [packed])


@pytest.mark.parametrize("coding", ["", "identity"])
def test_nothing_to_do(coding: str) -> None:
    """
    A body that is not compressed needs nothing.
    """
    assert inflating(coding) is None


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "GZIP"])
def test_unknown(coding: str) -> None:
    """
    Any other compression is refused, with the names of those that are taken.
    """
    with pytest.raises(Refused, match="gzip, deflate, zstd and identity are") as caught:
        inflating(coding)

    assert caught.value.refusal is Refusal.WRONG_TYPE


def test_zstd_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Where zstd is not installed the sender is told which extra brings it, and what works without.
    """
    for name in ("backports.zstd", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(Refused, match=r"pip install 'spanlabel\[zstd\]'; gzip works without") as caught:
        inflating("zstd")

    assert caught.value.refusal is Refusal.WRONG_TYPE
