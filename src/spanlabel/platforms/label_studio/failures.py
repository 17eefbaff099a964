"""What goes wrong between us and Label Studio, in spanlabel's errors.

The answer tells what became of the request::

    not connected, 429                        it was not done                     TryLater
    413                                       it was not done: too large          TooLarge
    400, 422                                  it was refused                      Rejected, with the places it named
    401, 403, 3xx                             it was refused, and will be         ConfigError
    500                                       Label Studio failed over it         DeliveryError
    time-out, hung up, 408, 502-504,
    an answer that is not Label Studio's      nobody knows                        Unsure
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from spanlabel.errors import ConfigError, DeliveryError, Rejected, TryLater

_ITEM = re.compile(r"Error at item \d+: ")
_LONGEST = 500


class Unsure(TryLater):
    """The request may have been done or not."""


class TooLarge(Rejected):
    """The request was not done because its body is too large for something on the way."""


class NotThere(DeliveryError):
    """What the request is about does not exist, or the address is not Label Studio's."""


def of_answer(status: int, headers: Mapping[str, str], body: Any) -> DeliveryError | ConfigError:
    """The error that an answer means.

    Args:
        status: HTTP status.
        headers: Of the answer.
        body: JSON as Python values, or text if it is none.
    """
    said = _said(body)
    match status:
        case 401:
            if "legacy token" in said:
                said = (
                    "this server refuses legacy tokens; make a personal access token under Account & Settings, or let "
                    "its administrator allow legacy ones"
                )
            return ConfigError(f"Label Studio does not accept the token: {said}", setting="api_key")
        case 403:
            return ConfigError(f"the token's user is not allowed to do this: {said}", setting="api_key")
        case 404 | 405:
            return NotThere(f"not found: {said}")
        case 413:
            return TooLarge("the request is too large for Label Studio or for a proxy in front of it (413)")
        case 429:
            return TryLater("Label Studio asks to wait (429)", retry_after_s=_retry_after_s(headers))
        case 400 | 422:
            return _refusal(body, said)
        case 500:
            return DeliveryError(f"Label Studio failed over the request (500): {said}")
        case _ if 300 <= status < 400:
            target = headers.get("location", "elsewhere")
            return ConfigError(f"the address redirects to {target}; set the address that answers itself", setting="url")
        case _ if 200 <= status < 300:
            return Unsure(f"what answered is not Label Studio, or its answer was cut off: {said}")
    return Unsure(f"no usable answer ({status}): {said}", retry_after_s=_retry_after_s(headers))


def of_connection(error: Exception) -> TryLater | ConfigError:
    """The error that a failed connection means.

    Args:
        error: One of httpx's.
    """
    import httpx

    text = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError) and _is_untrusted(text):
        return ConfigError(
            f"the server's certificate is not trusted: {text}; give its authority's certificate", setting="ca_file"
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return TryLater(f"Label Studio cannot be reached: {text}")
    if isinstance(error, httpx.TimeoutException):
        return Unsure(f"Label Studio did not answer in time: {text}")
    return Unsure(f"the connection to Label Studio broke: {text}")


def _is_untrusted(text: str) -> bool:
    # A certificate that has expired is the server's business and may be renewed; an unknown authority is a setting.
    return "CERTIFICATE_VERIFY_FAILED" in text and "expired" not in text


def _refusal(body: Any, said: str) -> Rejected:
    """A refused import lists `{}` for each good task and a text for each bad one."""
    items = _items(body)
    places = tuple(place for place, item in enumerate(items) if isinstance(item, str))
    if not places:
        return Rejected(f"refused: {said}")
    # Behind " [assume" and " :: " stands the task itself, which has no place in a message.
    first = re.split(r" \[assume| :: ", _ITEM.sub("", items[places[0]]))[0]
    return Rejected(f"refused: {first[:_LONGEST]}", culprits=places)


def _items(body: Any) -> Sequence[Any]:
    errors = body.get("validation_errors") if isinstance(body, Mapping) else None
    listed = errors.get("non_field_errors") if isinstance(errors, Mapping) else None
    return listed if isinstance(listed, list) else ()


def _said(body: Any) -> str:
    """What the answer says, in one line, without anything that we sent."""
    if isinstance(body, Mapping):
        fields = body.get("validation_errors")
        named = ", ".join(fields) if isinstance(fields, Mapping) and "non_field_errors" not in fields else ""
        detail = " ".join(str(body.get("detail") or body)[:_LONGEST].split())
        return f"{detail} ({named})" if named else detail
    text = str(body or "")
    if "<html" in text[:2_000].lower() or "<!doctype" in text[:2_000].lower():
        title = re.search(r"<title>([^<]*)", text, re.IGNORECASE)
        return f"a web page{f' ({title.group(1).strip()[:80]})' if title else ''}"
    return " ".join(text[:200].split()) or "no text"


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if text.isdecimal():
        return float(text)
    moment = email.utils.parsedate_tz(text) if text else None
    return None if moment is None else max(0.0, email.utils.mktime_tz(moment) - time.time())
