import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spanlabel.records.json_text import json_text, short_json_text

_texts = st.text(st.characters(codec=None, categories=None), max_size=20)
_long = st.builds(lambda text, n: (text + "x") * n, _texts, st.integers(100, 200))
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts | _long,
    lambda inner: st.lists(inner, max_size=4) | st.lists(inner).map(tuple) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)


@given(_values)
@example("x" * 200 + 'a "quoted" back\\slash, a\ttab, a\r\nline')
@example("x" * 200 + "\x00\x1f\x7f\x80\u2028\u2029 é 日本語 😀")
@example("x" * 200 + "\ud83d lone")
@example({"b" * 200: 1, "a": (True, None, 1.5, -0.0, 10**30)})
def test_it_writes_what_the_standard_library_writes(value: object) -> None:
    """
    Character by character the same JSON, whatever stands in a text.
    """
    expected = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))

    assert json_text(value) == expected
    assert short_json_text(value) == expected


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_json_is_refused(number: float) -> None:
    """
    Numbers that JSON does not have, and objects, are refused as the standard library refuses them.
    """
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text(["x" * 200, number])
    with pytest.raises(TypeError, match="not JSON serializable"):
        json_text({"x" * 200: object()})
