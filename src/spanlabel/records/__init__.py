"""Pair → Record: a stable id, flat facts, clean and bounded text; and the record as JSON."""

from .encoding import content_hash, from_dict, from_json, json_fields, json_hash, to_dict, to_json
from .identity import NAMESPACE, record_id
from .making import record_of

__all__ = [
    "NAMESPACE",
    "content_hash",
    "from_dict",
    "from_json",
    "json_fields",
    "json_hash",
    "record_id",
    "record_of",
    "to_dict",
    "to_json",
]
