"""A longer search for bytes that a decoder cannot bear, led by what of the code they reach.

    pip install atheris
    python tests/fuzz/atheris_decoders.py --target traces [--seconds 120]

Targets: traces, logs, json. What may come out of a decoder is in `test_decoders.run`, which runs with the other tests.
An input that breaks it, or takes longer than ten seconds, is written to the working directory.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["spanlabel.wire", "spanlabel.dialects"]):
    from test_decoders import SEEDS, run


def main() -> None:
    """Run until the time is over or something is found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=sorted(SEEDS), required=True)
    parser.add_argument("--seconds", type=int, default=120)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, seed in SEEDS.items():
            (Path(folder) / name).write_bytes(seed)
        limits = [f"-max_total_time={chosen.seconds}", "-timeout=10", "-max_len=65536", "-rss_limit_mb=1024"]
        atheris.Setup([sys.argv[0], folder, *limits], lambda data: run(chosen.target, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
