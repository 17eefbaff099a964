"""What importing spanlabel costs, in fresh interpreters: `python benchmarks/import_cost.py [rounds]`.

The yardstick in the same run is `import opentelemetry.sdk.trace`, which an instrumented application pays anyway. What
counts is CPU time, which is what an idle machine takes by the clock; a busy one takes longer.
Exit code 1 if a target is missed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

PROGRAMS = {
    "nothing": "pass",
    "opentelemetry.sdk.trace": "import opentelemetry.sdk.trace",
    "spanlabel": "import spanlabel",
    "sdk, and our processor": ("import opentelemetry.sdk.trace, spanlabel; spanlabel.AnnotationSpanProcessor()"),
}
IMPORT_MS = 150
PROCESSOR_MS = 250


def run_ms(program: str, home: str) -> tuple[float, float]:
    """Wall and CPU milliseconds of a fresh interpreter."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SPANLABEL_", "OTEL_"))}
    begin_s = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", program], env=clean | {"SPANLABEL_HOME": home}, cwd=home)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return 1000 * (time.perf_counter() - begin_s), 1000 * (usage.ru_utime + usage.ru_stime)


def main(rounds: int) -> int:
    wall: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    cpu: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as home:
        for round_ in range(rounds + 1):
            for name, program in PROGRAMS.items():
                taken_ms, worked_ms = run_ms(program, home)
                if round_:  # the first one fills the disk's cache and writes bytecode
                    wall[name].append(taken_ms)
                    cpu[name].append(worked_ms)

    def more(name: str, base: str) -> tuple[float, float]:
        """Milliseconds of *name* beyond *base*, wall and CPU: the median over the rounds."""
        return tuple(median(a - b for a, b in zip(of[name], of[base], strict=True)) for of in (wall, cpu))  # type: ignore[return-value] # two

    yardstick = more("opentelemetry.sdk.trace", "nothing")[1]
    rows = [
        ("import spanlabel", more("spanlabel", "nothing"), IMPORT_MS),
        (
            "import spanlabel, AnnotationSpanProcessor()",
            more("sdk, and our processor", "opentelemetry.sdk.trace"),
            PROCESSOR_MS,
        ),
    ]
    print(f"median of {rounds} rounds; yardstick: import opentelemetry.sdk.trace {yardstick:.0f} ms CPU\n")
    print(f"{'':44} {'wall ms':>8} {'CPU ms':>8} {'of yardstick':>13} {'target ms':>10}")
    failed = False
    for name, (taken_ms, worked_ms), target_ms in rows:
        passed = worked_ms <= target_ms
        failed |= not passed
        verdict = "PASS" if passed else "FAIL"
        print(f"{name:44} {taken_ms:8.1f} {worked_ms:8.1f} {worked_ms / yardstick:12.1f}x {target_ms:10} {verdict}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 11))
