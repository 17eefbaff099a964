"""What came in, on disk until it is decided: an append-only log that is also the queue it is read from.

Bytes go in by `append` from any thread and come out by `take`, in order, on one reading thread; what an earlier process
left comes out first. An entry stays on disk while `needs` and `release` say that anybody needs a trace in it. Nothing
here knows what the bytes mean, or who brought them.

On disk: a folder (0700) with `<number>.journal` segments, `<number>.released` ids and a `lock`, each file 0600. It must
be a local disk. Each version of spanlabel reads the segments that all earlier ones wrote and writes to new ones only:
an upgrade with data waiting needs nothing. Of a newer version's files nothing is touched, and opening says so.
"""

from __future__ import annotations

from .entry import Entry, Fsync, State
from .journal import Journal

__all__ = ["Entry", "Fsync", "Journal", "State"]
