from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value

from spanlabel.delivery.untraced import untraced


def test_asks_instrumentations_to_look_away() -> None:
    """
    Within, every instrumentation sees that it must make no span; afterwards all is as before.
    """
    before = get_value(_SUPPRESS_INSTRUMENTATION_KEY)
    with untraced():
        within = get_value(_SUPPRESS_INSTRUMENTATION_KEY)

    assert (before, within, get_value(_SUPPRESS_INSTRUMENTATION_KEY)) == (None, True, None)
