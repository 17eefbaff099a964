"""Text that a page shows as text, whatever it holds: nothing in it runs, and nothing is fetched. Pure.

Argilla's page reads fields as Markdown. A WORD JOINER, which has no width, is put behind each character that could
begin markup or an image there, also in code, where a reviewer sees no difference either. Reading an answer back takes
it out again: `restore(inert(text)) == text` for every text.
"""

from __future__ import annotations

import re

_JOINER = "\N{WORD JOINER}"
_OPENS = re.compile(rf"<(?={_JOINER}*[A-Za-z/!?])|!(?={_JOINER}*\[)")
_OPENED = re.compile(rf"<{_JOINER}(?={_JOINER}*[A-Za-z/!?])|!{_JOINER}(?={_JOINER}*\[)")


def inert(text: str) -> str:
    """Make a text that is shown as it is."""
    return _OPENS.sub(lambda found: found[0] + _JOINER, text)


def restore(text: str) -> str:
    """Give back what `inert` was given; other texts stay as they are, and what a reviewer typed does too."""
    return _OPENED.sub(lambda found: found[0][0], text)
