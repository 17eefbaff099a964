"""Keys, tokens and passwords in texts."""

from __future__ import annotations

import random
import string

import pytest

from spanlabel.rules.keys import hide_keys, names_key


@pytest.mark.parametrize(
    "key",
    [
        "sk-" + "a1B2" * 12,
        "sk-ant-api03-" + "x9_Z-" * 10,
        "sk_live_" + "abcd1234" * 3,
        "AKIA" + "IOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
        "github_pat_" + "11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
        "xoxb-" + "123456789012-abcdefghijklmnop",
        "AIza" + "SyA-1234567890abcdefghijklmnopqrstu",
        "sk-test-0042",
        "secret-key-000123",
        "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEF",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.SflKxwRJSMeKKF2QT4fwpM",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_by_its_look(key: str) -> None:
    """
    What services issue as keys is hidden wherever it stands.
    """
    assert hide_keys(f"use {key}, please") == "use [key], please"
    assert key not in hide_keys(f'{{"x":"{key}"}} https://x.example/?k={key}&y=1')


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("password: hunter2", "password: [key]", id="password"),
        pytest.param("PASSWORD=hunter2;", "PASSWORD=[key];", id="assigned"),
        pytest.param('{"api_key": "abcd", "n": 1}', '{"api_key": "[key]", "n": 1}', id="JSON"),
        pytest.param(r"{\"apiKey\": \"abcd\"}", r"{\"apiKey\": \"[key]\"}", id="JSON in JSON"),
        pytest.param("OPENAI_API_KEY=abcdef", "OPENAI_API_KEY=[key]", id="environment variable"),
        pytest.param("X-Api-Key: abcdef", "X-Api-Key: [key]", id="header"),
        pytest.param("Authorization: Bearer abcdef", "Authorization: Bearer [key]", id="authorization"),
        pytest.param("curl -H 'Bearer abc.def-123'", "curl -H 'Bearer [key]'", id="bearer"),
        pytest.param("my password is hunter2!", "my password is [key]", id="told"),
        pytest.param("postgres://app:s3cret@db/x", "postgres://[key]@db/x", id="in an address"),
        pytest.param("clientSecret => 'abcd'", "clientSecret => '[key]'", id="in code"),
        pytest.param(
            "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY----- bye", "[key] bye", id="private key"
        ),
        pytest.param("-----BEGIN PRIVATE KEY-----\nMIIB", "[key]", id="private key that was cut off"),
    ],
)
def test_by_what_stands_before(text: str, shown: str) -> None:
    """
    What is said to be a key or a password is hidden, however it looks; its name stays.
    """
    assert hide_keys(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Token-classification with scikit-learn, sk-learn.",
        "The password is required, and a token costs money. What is the secret of success?",
        "max_tokens: 4096, input_tokens=17, total tokens: 1234567",
        "gpt-4o-mini-2024-07-18, claude-3-5-sonnet-20241022, meta-llama/Llama-3.2-1B-Instruct",
        "src/spanlabel/platforms/label_studio/mapping.py",
        "https://docs.example.com/en/latest/how-to/write-your-own-platform.html?page=2",
        "internationalization_of_organizations, antidisestablishmentarianism",
        "d9428888-122b-11e1-b85c-61cd3cbb3210",
        "11111111111111111111111111111111111",
        "ssh://git@example.com/x and http://localhost:8080/",
    ],
)
def test_what_stays(text: str) -> None:
    """
    Words, names of models, paths, addresses and ids stay readable.
    """
    assert hide_keys(text) == text


def test_random_ones_without_a_sign() -> None:
    """
    Of 1 000 random strings of 24 to 64 letters and digits that nothing announces, 99 in 100 are hidden.
    """
    draw = random.Random(17)  # noqa: S311 - they only look secret
    keys = ["".join(draw.choices(string.ascii_letters + string.digits, k=draw.randint(24, 64))) for _ in range(1_000)]

    shown = [key for key in keys if key in hide_keys(f"it is {key} now")]

    assert len(shown) <= 10


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        pytest.param("password", True, id="password"),
        pytest.param("x-api-key", True, id="header"),
        pytest.param("clientSecret", True, id="camel case"),
        pytest.param("db.password", True, id="dotted"),
        pytest.param("access_token", True, id="token"),
        pytest.param("next_token", False, id="a page's token"),
        pytest.param("max_tokens", False, id="a count"),
        pytest.param("keyboard", False, id="a word"),
    ],
)
def test_names(name: str, is_one: bool) -> None:
    """
    A field is known as a key by the end of its name.
    """
    assert names_key(name) is is_one
