"""Pairs out of old traces, as in a notebook: `python examples/read_traces.py FILES`."""

# %% The files that the Collector's file exporter has written, or a folder with them.
import sys
from collections import Counter

from spanlabel import read_pairs

pairs = list(read_pairs(*sys.argv[1:]))

# %% What was asked and what was answered.
for pair in pairs:
    print(f"{pair.prompt!r} -> {pair.answer!r} (sure: {pair.confidence:.1f})")

# %% Who answered, and how the pairs were found.
print(Counter(pair.model for pair in pairs))
print(Counter(reason for pair in pairs for reason in pair.reasons))
