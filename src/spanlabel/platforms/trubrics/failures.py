"""What goes wrong between us and Trubrics, in spanlabel's errors.

Trubrics cannot be asked what it has, so each error says whether something may have been written::

    400, 413, 422                                 it was refused whole    Rejected, nothing_written
    401, 403, 404, 405, 3xx                       it was refused          ConfigError, nothing_written
    not connected, 503 with Retry-After,
    any other 4xx                                 it was not done         TryLater, nothing_written
    time-out, hung up, 408, any other 5xx,
    a web page where a small JSON belongs         nobody knows            TryLater

Trubrics documents 401 and 422; of the others it is what HTTP says of them. A 503 alone may come from a gateway that had
passed the request on, so only one that names a time to come back is believed.
"""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping

from spanlabel.errors import ConfigError, Rejected, TryLater

_LONGEST = 300


def of_answer(status: int, headers: Mapping[str, str], text: str) -> TryLater | Rejected | ConfigError | None:
    """The error that an answer means; None if the events were taken.

    Args:
        status: HTTP status.
        headers: Of the answer.
        text: Its body.
    """
    said = _said(text)
    wait_s = _retry_after_s(headers)
    match status:
        case _ if 200 <= status < 300:
            return TryLater(f"what answered is not Trubrics, but {said}") if _is_page(text) else None
        case _ if 300 <= status < 400:
            target = headers.get("location", "elsewhere")
            return _wrong("url", f"the address redirects to {target}; set the address that answers itself")
        case 401 | 403:
            return _wrong("api_key", f"Trubrics does not accept the key ({status}): {said}")
        case 404 | 405:
            return _wrong("url", f"there is no ingestion API at this address ({status}): {said}")
        case 413:
            return Rejected("too large for Trubrics or for a proxy in front of it (413)", nothing_written=True)
        case 400 | 422:
            return Rejected(f"Trubrics refuses it ({status}): {said}", nothing_written=True)
    is_known = (400 <= status < 500 and status != 408) or (status == 503 and wait_s is not None)
    return TryLater(f"Trubrics did not take it ({status}): {said}", retry_after_s=wait_s, nothing_written=is_known)


def of_connection(error: Exception) -> TryLater:
    """The error that a failed connection means.

    Args:
        error: One of httpx's.
    """
    import httpx

    text = str(error) or type(error).__name__
    # Each of them comes before the first byte of the request is sent.
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        return TryLater(f"Trubrics cannot be reached: {text}", nothing_written=True)
    if isinstance(error, httpx.TimeoutException):
        return TryLater(f"Trubrics did not answer in time: {text}")
    return TryLater(f"the connection to Trubrics broke: {text}")


def _wrong(setting: str, message: str) -> ConfigError:
    return ConfigError(message, setting=setting, nothing_written=True)


def _is_page(text: str) -> bool:
    return text.lstrip().startswith("<")


def _said(text: str) -> str:
    """What the answer says, in one line. Of what is wrong with an event the place is told, not the event itself."""
    if _is_page(text):
        title = re.search(r"<title>([^<]*)", text, re.IGNORECASE)
        return f"a web page ({title.group(1).strip()[:80]})" if title else "a web page"
    try:
        body = json.loads(text)
    except ValueError:
        return " ".join(text[:_LONGEST].split()) or "no text"
    detail = body.get("detail", body) if isinstance(body, Mapping) else body
    if isinstance(detail, list) and all(isinstance(one, Mapping) for one in detail):
        detail = "; ".join(f"{one.get('msg')} at {one.get('loc')}" for one in detail)
    return " ".join(str(detail)[:_LONGEST].split()) or "no text"


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    text = next((value for name, value in headers.items() if name.lower() == "retry-after"), "").strip()
    if text.isdecimal():
        return float(text)
    moment = email.utils.parsedate_tz(text) if text else None
    return None if moment is None else max(0.0, email.utils.mktime_tz(moment) - time.time())
