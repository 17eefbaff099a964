from __future__ import annotations

from spanlabel.platforms.argilla.shape import Field, Found, differences

WANTED = (Field("chat", "Chat", "chat"), Field("answer", "Answer"), Field("extra", "Extra", is_required=False))


def _found(**fields: tuple[str, bool]) -> Found:
    return Found("1", "d", True, False, fields, {}, {})


class TestDifferences:
    def test_superset(self) -> None:
        """
        More fields than are filled are no difference as long as nobody must fill them.
        """
        found = _found(
            chat=("chat", True),
            answer=("text", False),
            extra=("text", False),
            more=("text", False),
            pic=("image", False),
        )

        assert differences(WANTED, found) == []

    def test_each_is_told(self) -> None:
        """
        Each is told: what is missing, what is of another type, what nobody would fill.
        """
        found = _found(chat=("text", True), extra=("text", True), page=("custom", True))

        assert differences(WANTED, found) == [
            "its field 'chat' is of type text, not chat",
            "it has no text field 'answer'",
            "its text field 'extra' is required, and this preset fills it only where it can",
            "its custom field 'page' is required, and this preset does not fill it",
        ]
