"""E-mail addresses, phone numbers and card numbers in texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanlabel.rules.patterns import hide_cards, hide_emails, hide_phones


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("mail alice@example.com.", "mail [email].", id="in a sentence"),
        pytest.param("<a.b+c_d-e@mail.example.co.uk>", "<[email]>", id="in brackets"),
        pytest.param('"Alice Doe"@example.org!', "[email]!", id="a quoted name"),
        pytest.param("mailto:x%40example.org?subject=a", "mailto:[email]?subject=a", id="in an address"),
        pytest.param("jürgen@müller.example", "[email]", id="letters of other languages"),
        pytest.param(r'{"to": "j\u00fcrgen@m\u00fcller.example"}', '{"to": "[email]"}', id="as JSON writes them"),
        pytest.param("a@b.de,c@d.fr", "[email],[email]", id="two"),
        pytest.param("a@xn--mller-kva.xn--p1ai", "[email]", id="punycode"),
        pytest.param("lodash@4.17.21 @user x @ y a@b", "lodash@4.17.21 @user x @ y a@b", id="none"),
    ],
)
def test_emails(text: str, shown: str) -> None:
    """
    Addresses are hidden wherever they stand; what only has an @ is left.
    """
    assert hide_emails(text) == shown


@pytest.mark.parametrize(
    "number",
    [
        "+49 30 1234567",
        "+1 (415) 555-0123",
        "+44 (0)20 7946 0958",
        "+33.1.23.45.67.89",
        "+4915112345678",
        "0049 151 12345678",
        "(415) 555-0123",
        "(030) 1234567",
        "415-555-0123",
        "415.555.0123",
        "1 415 555 0123",
        "4155550123",
        "123-456-7890",
        "(555) 010-0199",
        "5550100199",
        "14155550123",
        "555-0123",
        "030/1234567",
        "030 / 123 45 67",
        "0171-1234567",
        "01711234567",
        "01 23 45 67 89",
        "07911 123456",
        "612 34 56 78",
        "612 345 678",
        "98765 43210",
        "138 1234 5678",
        "13812345678",
        "11 91234-5678",
        "415\N{NON-BREAKING HYPHEN}555\N{NON-BREAKING HYPHEN}0123",
    ],
)
def test_phones(number: str) -> None:
    """
    Phone numbers in the usual ways of writing are hidden, also beside a date and at a sentence's end.
    """
    assert hide_phones(f"On 01.02.2026 call {number}.") == "On 01.02.2026 call [phone]."
    assert hide_phones(f"tel:{number}\n2026-11-21") == "tel:[phone]\n2026-11-21"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T13:01:26.123456Z",
        "21/11/2026, 01.02.2026 and 09-11-2001",
        "192.168.1.100:8080, 10.0.0.1",
        "3.14159265358979, 0.000012, -17.5e-10",
        "1763730000 and 1763730000123",
        "12 500 000 euros, 1,234,567.89 dollars",
        "pages 12-15, 1939-1945, version 3.11.15",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "d9428888-122b-11e1-b85c-61cd3cbb3210",
    ],
)
def test_no_phones(text: str) -> None:
    """
    Dates, addresses of machines, times, amounts and ids stay readable.
    """
    assert hide_phones(text) == text


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "3400 000000 00009",
        "3782.822463.10005",
        "6011000990139424",
        "4222222222222",
        "6304 0000 0000 0000 000",
    ],
)
def test_cards(number: str) -> None:
    """
    Card numbers are hidden with and without separators, also between other groups of digits.
    """
    assert hide_cards(f"card {number}, thanks") == "card [card], thanks"
    assert number not in hide_cards(f"7 12 {number} 12 77")
    assert number not in hide_cards(f"2026-11-21 {number} {number}")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("4111 1111 1111 1112", id="the last digit is wrong"),
        pytest.param("0000 0000 0000 0000", id="zeros"),
        pytest.param("4111 1111 1111", id="too short"),
        pytest.param("9" * 40, id="too long"),
        pytest.param("2026-11-21 13:02", id="a date"),
    ],
)
def test_no_cards(text: str) -> None:
    """
    What the check digit does not confirm, or is too short or too long, is left.
    """
    assert hide_cards(text) == text


def with_check_digit(digits: str) -> str:
    """Append Luhn's digit, counted the slow way."""
    doubled = [int(d) * 2 if place % 2 == 0 else int(d) for place, d in enumerate(reversed(digits))]
    return digits + str(-sum(n - 9 if n > 9 else n for n in doubled) % 10)


@given(
    st.from_regex(r"[1-6][0-9]{11,17}", fullmatch=True),
    st.sampled_from(["", " ", "-"]),
    st.lists(st.integers(0, 99_999), max_size=4),
    st.lists(st.integers(0, 99_999), max_size=4),
)
def test_every_card_between_any_numbers(digits: str, separator: str, before: list[int], after: list[int]) -> None:
    """
    A number with a right check digit is never shown whole, whatever numbers stand around it.
    """
    number = with_check_digit(digits)
    written = separator.join(number[at : at + 4] for at in range(0, len(number), 4))
    around = [" ".join(map(str, numbers)) for numbers in (before, after)]

    assert written not in hide_cards(f"{around[0]} {written} {around[1]}")
