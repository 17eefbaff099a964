"""The body of an OTLP/JSON request."""

from __future__ import annotations

import json

from .bounds import refuse_many_values, refuse_members
from .decoded import Checked, Decoded
from .otlp_json import read_document


def check_json(body: bytes) -> Checked:
    """Look through a request for what its sender must be told; reads it whole, so it costs what `read_json` does.

    Raises:
        ValueError: It is no JSON object, or holds too much.
    """
    read = read_json(body)
    count = len(read.spans) + len(read.logs) + read.refused + read.logs_without_span
    refuse_members(count, "spans and log records")
    return Checked(count, read.refused, "; ".join(read.problems))


def read_json(body: bytes) -> Decoded:
    """Read a request.

    Bytes that are no UTF-8 are replaced by marks. NaN and the infinities, which JSON does not have, are taken as the
    numbers they name.

    Raises:
        ValueError: It is no JSON object, or holds too much; the text says why and holds nothing of it.
    """
    return read_document(document_of(body))


def document_of(body: bytes) -> dict[str, object]:
    """Decode a request, as `read_json` does.

    Raises:
        ValueError: It is no JSON object, or holds too much; the text says why and holds nothing of it.
    """
    refuse_many_values(body)
    try:
        document = json.loads(body.decode("utf-8-sig", errors="replace"))
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} (character {error.pos})") from None
    except RecursionError:
        raise ValueError("cannot be read: its JSON is nested too deeply") from None
    except ValueError:  # Python's own bound on the digits of a number
        raise ValueError("cannot be read: a number in its JSON is too long") from None
    if not isinstance(document, dict):
        raise ValueError("is no OTLP request: expected a JSON object")  # noqa: TRY004 - what is wrong is the data
    return document
