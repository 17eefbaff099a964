"""What is looked for in a text: e-mail addresses, phone numbers, card numbers; keys stand in `.keys`.

Each takes time in proportion to the text, whatever the text is: every repetition is bounded, begins only where the
last one ended, or is possessive. Where a choice had to be made more is hidden rather than less.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from typing import TypeAlias

from .keys import hide_keys

Hide: TypeAlias = Callable[[str], str]
"""Gives a text without what it looks for; the same text if there is nothing."""

_LOCAL = r"[\w.!#$%&*+^~-]"
_LETTER = r"\\u[0-9a-fA-F]{4}"  # as JSON writes those of other languages
_EMAIL = re.compile(
    # From the start of a word only, so that a text of many letters and no @ is read once. %40 is @ in an address bar.
    rf"""(?<!{_LOCAL})(?!(?<=\\)u[0-9a-fA-F]{{4}})(?:(?:{_LOCAL}|{_LETTER})+|"[^"\n]{{1,64}}")(?:@|%40)"""
    rf"""(?:(?:[\w-]|{_LETTER})++\.)+(?:xn--[\w-]{{1,59}}|[^\W\d_]{{2,63}})"""
)

_S = r"[ \t\u00a0\u202f.\-/\u2010-\u2015]"  # what may stand between the groups of a phone number
_ESCAPED = r"(?<=%[0-9A-Fa-f]{2})"  # behind what stands for a blank in an address, as in tel=%204155550123
_START = rf"(?:(?<!\d)|{_ESCAPED})"
_NO_FRACTION = rf"(?:(?<!\d)(?<!\d[.:])|{_ESCAPED})"
_ALONE = rf"(?:(?<![A-Za-z\d])(?<!\d\.)|{_ESCAPED}|(?<=\\[nrt]))"
_NO_DATE = r"(?!\d\d[./-]\d\d[./-]\d{4}(?!\d))"
_PHONE = re.compile(
    r"(?=[+(\d])(?:"  # first what is quick to tell
    + "|".join(
        (
            # +49 30 1234567, +1 (415) 555-0123, 0044 20 7946 0958, +44 (0)20 7946 0958
            rf"(?:\+|{_START}00)[ (]{{0,2}}[1-9](?:(?:{_S}|[()]){{0,3}}\d){{6,14}}(?!\d)",
            # (415) 555-0123, (030) 1234567
            rf"\(\d{{2,5}}\){_S}{{0,3}}\d{{2,4}}(?:{_S}{{0,3}}\d{{2,4}}){{1,3}}(?!\d)",
            # 415-555-0123, 1.415.555.0123, 415 555 0123
            rf"{_START}(?:1{_S})?\d{{3}}{_S}{{1,3}}\d{{3}}{_S}{{1,3}}\d{{4}}(?!\d)",
            # 555-0123
            r"(?<![\d-])[2-9]\d\d-\d{4}(?![\d-])",
            # 030 1234567, 0171-1234567, 01 23 45 67 89, 030 / 123 456; but not 01.02.2026
            rf"{_NO_FRACTION}{_NO_DATE}(?=\d(?:{_S}{{0,3}}\d){{6}})0\d{{1,5}}(?:{_S}{{1,3}}\d{{2,8}}){{1,5}}(?!\d)",
            # 612 34 56 78, 612 345 678, 98765 43210, 138 1234 5678, 11 91234-5678
            rf"(?:(?<!\d)(?<!\d[.,])|{_ESCAPED})[4-9]\d\d(?:(?:[ -]\d\d){{3}}|(?:[ -]\d{{3}}){{2}})(?![.,]?\d)",
            rf"{_START}[6-9]\d{{4}}{_S}\d{{5}}(?!\d)",
            rf"{_START}(?:1[3-9]\d[ -]\d{{4}}|[1-9]\d 9?\d{{4}})[ -]\d{{4}}(?!\d)",
            # 4155550123, 14155550123, 01711234567, 13812345678; within letters it may be part of any id
            rf"{_ALONE}(?:0\d{{8,10}}|[2-9]\d{{9}}|1[2-9]\d{{9}})(?![A-Za-z\d]|\.\d)",
        )
    )
    + ")"
)

_CARD_RUN = re.compile(r"\d(?:[ \t\u00a0\u202f.\-_/\u2010-\u2015]?\d){12,}+")
_ESCAPED_CARD_RUN = re.compile(_ESCAPED + _CARD_RUN.pattern)
_GROUP = re.compile(r"\d+")
_CARD_DIGITS = range(13, 20)


def hide_emails(text: str) -> str:
    """Replace e-mail addresses by [email]."""
    return _EMAIL.sub("[email]", text) if "@" in text or "%40" in text else text


def hide_phones(text: str) -> str:
    """Replace phone numbers by [phone]: international ones, and the usual ways of writing national ones."""
    return _PHONE.sub("[phone]", text)


def hide_cards(text: str) -> str:
    """Replace card numbers by [card]: 13 to 19 digits whose last one is right (Luhn), with or without separators."""
    text = _CARD_RUN.sub(lambda found: _without_cards(found[0]), text)
    return _ESCAPED_CARD_RUN.sub(lambda found: _without_cards(found[0]), text) if "%" in text else text


def _without_cards(run: str) -> str:
    """Hide each card number that is made of whole groups of digits of *run*.

    A card number beside other digits, as in "12 4111 1111 1111 1111", is only found so; and within an unbroken
    row of digits a tenth of all places would pass for one.
    """
    groups = [found.span() for found in _GROUP.finditer(run)]
    digits = [int(character) for character in run if character.isdigit()]
    ends, n = [], 0
    for start, end in groups:
        n += end - start
        ends.append(n)
    sums = _checksums(digits)
    made: list[str] = []
    first = shown = 0
    while first < len(groups):
        begin = ends[first - 1] if first else 0
        last = _card_end(sums, ends, begin)
        if last is None:
            first += 1
            continue
        made += (run[shown : groups[first][0]], "[card]")
        shown = groups[last][1]
        first = last + 1
    return "".join(made) + run[shown:]


def _card_end(sums: tuple[list[int], list[int]], ends: list[int], begin: int) -> int | None:
    """Which group ends a card number that begins with the digit *begin*; the longest, None if there is none."""
    found = None
    for group in range(bisect_left(ends, begin + _CARD_DIGITS[0]), len(ends)):
        end = ends[group]
        if end - begin not in _CARD_DIGITS:
            break
        of = sums[end % 2]  # counted so that the last digit is not doubled
        if (of[end] - of[begin]) % 10 == 0 and of[end] > of[begin]:  # not 0000 0000 0000 0000
            found = group
    return found


def _checksums(digits: list[int]) -> tuple[list[int], list[int]]:
    """Luhn's sums from the start on: where numbers end after an even count of digits, and after an odd one."""
    even, odd = [0], [0]
    for place, digit in enumerate(digits):
        doubled = digit * 2 - 9 * (digit > 4)
        even.append(even[-1] + (digit if place % 2 else doubled))
        odd.append(odd[-1] + (doubled if place % 2 else digit))
    return even, odd


KINDS: dict[str, Hide] = {
    "key": hide_keys,  # first: what stands before the @ of an address with a password in it is no e-mail's name
    "email": hide_emails,
    "card": hide_cards,
    "phone": hide_phones,
}
"""What `redact` may name, in the order in which it is looked for."""
