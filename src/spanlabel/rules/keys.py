"""Strings that look like keys, tokens and passwords.

By how they begin (what the well-known services issue), by what stands before them ("api_key=", "password:", "Bearer"),
and by how random they look. Time in proportion to the text: see `.patterns`.
"""

from __future__ import annotations

import re

_MARK = "[key]"

# At the start of a word, which may stand behind \n in JSON or %20 in an address.
_START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2}))"
_ISSUED = re.compile(
    rf"{_START}(?:"
    + "|".join(
        (
            r"[spr]k[-_][\w-]{8,}+",
            r"(?:hf|npm|gsk|r8|whsec|shp[a-z]{2}|do[opr]_v1|dapi|nvapi|pypi|pplx|tvly|lsv2_[a-z]{2}|key)[-_][\w-]{16,}+",
            r"dapi[0-9a-f]{16,}+",
            r"gl[a-z]{2,8}-[\w-]{16,}+",
            r"ya29\.[\w-]{16,}+",
            # Not within a word: each would look through the rest of it for the point.
            r"(?<![_-])SG\.[\w-]{8,}+\.[\w-]{8,}+",
            r"(?<![_-])eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?",
            r"(?i:api[-_]?key|secret|token|auth)[-_](?=[\w-]{0,64}\d)[\w-]{8,}+",
        )
    )
    # These are nothing else wherever they stand.
    + r")|A(?:KIA|SIA|ROA|IDA|BIA|CCA|GPA)[A-Z0-9]{12,}+|gh[opsur]_\w{16,}+|github_pat_\w{16,}+|xox[a-z]-[\w-]{8,}+"
    r"|xapp-[\w-]{8,}+|AIza[\w-]{20,}+|GOCSPX-[\w-]{16,}+|AGE-SECRET-KEY-\w{16,}+",
    re.ASCII,
)

# Without its end, as a cut text has it, all that follows belongs to it: so it is looked for once.
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----"
    r"(?:.*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----|.*)",
    re.DOTALL,
)

_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@:\"']{0,256}:[^\s/@\"']{1,256}(?=@)")

_REST = {
    "a": r"uthorization|(?:pi|ccess|ccount)[ _-]?key(?:[ _-]?id)?",
    "b": r"earer",
    "c": r"redentials?",
    "e": r"ncryption[ _-]?key",
    "p": r"ass(?:word|wd|phrase|code)|wd|rivate[ _-]?key(?:[ _-]?id)?",
    "s": r"ecret(?:[ _-]?key(?:[ _-]?id)?)?|(?:igning|hared)[ _-]?key",
    "t": r"(?<!next_t)(?<!page_t)(?<!continuation_t)oken",
}
# Each begins with a letter, and not with one in any case, because such patterns are found ten times faster.
_NAMES = "(?:" + "|".join(f"{first}(?i:{rest})" for k, rest in _REST.items() for first in (k, k.upper())) + ")"
_ASSIGNED = re.compile(
    rf"({_NAMES}\\?[\"']?\s{{0,3}}(?:=>|[:=])\s{{0,3}}\\?[\"']?(?:(?i:Bearer|Basic|Token)\s{{1,3}})?)"
    r"[^\s\"',;<>\[\](){}\\]{4,}+",
)
_TOLD = re.compile(
    rf"({_NAMES}\s{{1,3}}(?i:is|was)\s{{0,3}}:?\s{{1,3}}[\"']?)(?=[^\s\"']{{0,64}}\d)[^\s\"',;<>\[\](){{}}]{{4,}}+",
)
_BEARER = re.compile(r"(\b[bB](?i:earer)\s{1,3})(?=[\w.~+/=-]{0,128}\d)[\w.~+/=-]{8,}+")
_NAMED = re.compile(f"{_NAMES}$")

_TOKEN = re.compile(r"(?<![\w+/-])[\w+/-]{20,}+={0,2}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{32,}", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9]+")
_ALIKE = re.compile(r"[a-z]+|[A-Z]+|[0-9]+")

_SHORTEST = 20
_LONG_WORD = 12
_CHANGES = 0.3
"""Random letters and digits change their kind at every second character, words and names at every fifth or less."""


def hide_keys(text: str) -> str:
    """Replace what looks like a key, a token or a password by [key]."""
    if "PRIVATE KEY" in text:
        text = _PEM.sub(_MARK, text)
    if "://" in text:
        text = _IN_ADDRESS.sub(_MARK, text)
    text = _ISSUED.sub(_MARK, text)
    text = _ASSIGNED.sub(_keep_name, text)
    text = _TOLD.sub(_keep_name, text)
    text = _BEARER.sub(_keep_name, text)
    return _TOKEN.sub(_unless_words, text)


def names_key(name: str) -> bool:
    """Tell whether a field of this name holds a key: "password", "x-api-key", "clientSecret"."""
    return _NAMED.search(name[-64:]) is not None


def _keep_name(found: re.Match[str]) -> str:
    return f"{found[1]}{_MARK}"


def _unless_words(found: re.Match[str]) -> str:
    token = found[0]
    if _is_random(token):
        return _MARK
    return _WORD.sub(lambda word: _MARK if len(word[0]) >= _SHORTEST and _is_random(word[0]) else word[0], token)


def _is_random(token: str) -> bool:
    """Whether 20 characters or more look drawn, and not written; a UUID is drawn too, but names things."""
    if _UUID.fullmatch(token):
        return False
    if _HEX.fullmatch(token):
        return not token.isdigit() and not token.isalpha()
    words = _WORD.findall(token)
    if not words or max(map(len, words)) < _LONG_WORD:
        return False
    alike = sum(len(_ALIKE.findall(word)) for word in words)
    kinds = sum(any(test(c) for c in token) for test in (str.islower, str.isupper, str.isdigit))
    return kinds > 1 and alike >= _CHANGES * sum(map(len, words))
