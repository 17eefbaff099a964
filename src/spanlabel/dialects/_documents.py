"""What a retrieval step found, in whatever shape its framework writes documents.

OpenInference flattens them into keys of their own; everybody else writes the retriever's output as one value. There a
document is a mapping that has a text (LangChain `page_content`, Haystack `content`, LlamaIndex a `node` with a score
beside it, Genkit a list of parts), alone, in a list, or in a list under some name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from spanlabel.model import Document, Text, Value

from ._codec import LISTS, as_float, as_text, decoded
from ._dialect import AttributeReader, Reader, Source
from ._indexed import grouped
from ._messages import parts_in

MAX_DOCUMENTS: Final = 1_000
"""Of one step; what comes after is left out."""

_INDEXED: Final = ("reranker.output_documents", "retrieval.documents")
_LISTED: Final = ("gen_ai.retrieval.documents", "genkit:output")
_WRAPPED: Final = ("document", "node", "kwargs", "doc")
_TEXTS: Final = ("page_content", "pageContent", "content", "text")
_IDS: Final = ("id", "id_", "doc_id", "document_id", "_id")
_SCORES: Final = ("score", "relevance_score", "similarity")
_MANY: Final = ("documents", "docs", "nodes", "results", "matches", "source_nodes", "output", "outputs", "result")
_DEPTH: Final = 4
_REPR: Final = re.compile(r"<\w+\(")
"""How the text of a Python object begins that nobody has written out."""


def documents_of(source: Source, outputs: Sequence[Reader]) -> tuple[Document, ...]:
    """Read what a retrieval or reranking step found.

    Args:
        source: The step's span.
        outputs: The dialects' readers of what came out; the values of their attributes are looked into.

    Returns:
        The documents that have a text, in order; an id alone is nothing to look at.
    """
    for prefix in _INDEXED:
        found = _documents(grouped(source, prefix))
        if found:
            return found
    keys = dict.fromkeys((*_LISTED, *[reader.key for reader in outputs if isinstance(reader, AttributeReader)]))
    for key in keys:
        found = _documents(_listed(decoded(source.attributes.get(key))[0], _DEPTH))
        if found:
            return found
    return ()


def _documents(items: Iterable[Value]) -> tuple[Document, ...]:
    found: list[Document] = []
    for item in items:
        if len(found) >= MAX_DOCUMENTS:
            break
        document = _document(item)
        if document is not None:
            found.append(document)
    return tuple(found)


def _listed(value: Value, depth: int) -> Sequence[Value]:
    """The first list of what may be documents, at most *depth* levels down."""
    if depth <= 0:
        return ()
    if isinstance(value, LISTS):
        if len(value) == 1 and isinstance(value[0], LISTS):
            return _listed(value[0], depth - 1)
        return value
    if isinstance(value, dict):
        for name in _MANY:
            inner = value.get(name)
            if isinstance(inner, str):
                inner = decoded(inner)[0]
            if isinstance(inner, (list, tuple, dict)) and (found := _listed(inner, depth - 1)):
                return found
        return (value,)
    return ()


def _document(item: Value) -> Document | None:
    if isinstance(item, str):
        item = decoded(item)[0]
        if isinstance(item, str):
            return Document(item) if item.strip() and _REPR.match(item) is None else None
    if not isinstance(item, dict):
        return None
    inner = next((one for name in _WRAPPED if isinstance(one := item.get(name), dict)), item)
    content = _text(inner)
    if not content:
        return None
    metadata = inner.get("metadata", inner.get("meta"))
    if isinstance(metadata, str):
        metadata = decoded(metadata)[0]
    found_id = next((text for name in _IDS if (text := as_text(inner.get(name)))), None)
    score = next((n for one in (item, inner) for name in _SCORES if (n := as_float(one.get(name))) is not None), None)
    return Document(content, found_id, score, metadata if isinstance(metadata, dict) and metadata else None)


def _text(value: Mapping[str, Value]) -> str:
    for name in _TEXTS:
        content = value.get(name)
        if isinstance(content, str):
            text = content
        elif isinstance(content, LISTS):
            text = "\n".join([part.content for part in parts_in(content) if isinstance(part, Text)])
        else:
            continue
        if text.strip():
            return text
    return ""
