"""What each rule of pairing is worth: `python benchmarks/ablation.py [FOLDER ...]`.

Each rule is switched off alone and the recorded traces are read again: how many pairs, perfect cases, extra pairs,
chats and choices are gained or lost. The table in docs/explanation/accuracy.md is its output. FOLDER holds other cases,
laid out like those of `tests/corpus`; without one those are read.

It also prints how right the confidence is: pairs by band.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from spanlabel import Pair, compose, read_pairs
from spanlabel.pairing import _node, _text, _turn, _units

reconstruct = importlib.import_module("spanlabel.pairing.reconstruct")  # the package gives its function under this name

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "tests" / "corpus"
ARCHIVES = ("dev", "unseen")
COLUMNS = ("pairs", "perfect", "extra", "chat", "choices")
OTHER = "other facts"
"""Pairs with the same words but with another time, usage, number of steps, model, conversation or metadata."""
BANDS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.0)


@dataclass(frozen=True)
class Off:
    """How one rule is switched off.

    Attributes:
        rule: What it does.
        places: Module and name of each function that is replaced.
        instead: What stands there; gets the function that it replaces.
    """

    rule: str
    places: Sequence[tuple[Any, str]]
    instead: Callable[[Any], Any]


def always(value: object) -> Callable[[Any], Any]:
    return lambda _: lambda *_args, **_named: value


def without_relation(name: str) -> Callable[[Any], Any]:
    """`_turn._one` that does not know one relation; a later one may hold then."""

    def instead(one: Any) -> Any:
        def known(*args: Any, **named: Any) -> Any:
            found = one(*args, **named)
            return None if found is not None and found[0] == name else found

        return known

    return instead


def first_argument(_: Any) -> Any:
    return lambda first, *_args, **_named: first


def without_role(role: str) -> Callable[[Any], Any]:
    def instead(texts_of: Any) -> Any:
        return lambda messages, *roles: [] if roles == (role,) else texts_of(messages, *roles)

    return instead


RULES = (
    Off("An orphan goes to the smallest run around it", [(_node, "_adopt_orphans")], always(None)),
    Off("A run that only inherited a context is taken out", [(_node, "_free_leaked")], always(None)),
    Off("What runs in tools, retrievers, evaluators is inner", [(_node, "_mark_inner")], always(None)),
    Off("A run within a sibling's tool call is inner", [(_units, "_tools")], always(())),
    Off(
        "Copies of a call by a second instrumentation go",
        [(reconstruct, "drop_copies")],
        lambda _: lambda tops, _every: list(tops),
    ),
    Off("A pair within another one's time and words goes", [(reconstruct, "drop_inner_pairs")], first_argument),
    Off("Steps that no link leads to go (LangChain.js)", [(reconstruct, "drop_unlinked_steps")], first_argument),
    Off("merged:continues", [(_turn, "_one")], without_relation("merged:continues")),
    Off("merged:dataflow", [(_turn, "_one")], without_relation("merged:dataflow")),
    Off("merged:rewrite", [(_turn, "_one")], without_relation("merged:rewrite")),
    Off("same_request", [(_turn, "_one")], without_relation("same_request")),
    Off("input_is_variable", [(_units, "_is_variable")], always(False)),
    Off("own_prompt:turn_start", [(_units, "texts_of")], without_role("user")),
    Off("What passes on what it was given says nothing", [(_units, "_echoes")], always(False)),
    Off("A run of several turns whose words are mixed", [(_units, "_mixes")], always(False)),
    Off("Answered turns below a run may stand for themselves", [(_units, "_several")], always(False)),
    Off("Only agents and topmost chains speak without calls", [(_units, "_speaks_alone")], always(True)),
    Off("A failed run that ended well has an answer", [(_units, "_ended_well")], always(False)),
    Off("final_tool", [(_units, "final_tool")], always(None)),
    Off("unserved_call", [(_units, "_unserved_call")], always(None)),
    Off("An output that strings all calls together", [(_units, "_is_whole_run")], always(False)),
    Off("The richer conversation", [(_units, "_richer_chat")], lambda _: lambda _node, own, _called: own),
    Off("A run's answer that is the words of a failure", [(_units, "_is_failure")], always(False)),
    Off("A call's conversation from its copy", [(_units, "_with_twin")], lambda _: lambda asked, _below: asked.chat),
    Off(
        "The system prompt stands before the messages",
        [(_units, "with_system"), (_text, "with_system")],
        lambda _: lambda _step, m: tuple(m),
    ),
    Off("smolagents' words before a task", [(_text, "bare_question")], first_argument),
    Off("Google ADK's words after an instruction", [(_units, "bare_system")], first_argument),
    Off("The gate on confidence", [(compose, "at_least")], lambda at_least: lambda _: at_least(0)),
)


def figures_module() -> ModuleType:
    """The corpus test, whose counting is used here as it is."""
    spec = importlib.util.spec_from_file_location("corpus_figures", CORPUS / "test_figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Found = dict[tuple[str, str, str], Pair]


def counted(figures: ModuleType, folders: Sequence[Path]) -> tuple[Counter[str], Found]:
    """The counts, and the pairs by case, prompt and answer."""
    total, found = Counter[str](), Found()
    for folder in folders:
        for name, files, expected in figures.cases(folder):
            pairs = list(read_pairs(*files))
            total.update(figures.figures(pairs, expected))
            found.update({(f"{folder.name} {name}", pair.prompt, pair.answer): pair for pair in pairs})
    return total, found


def changed(base: Found, found: Found) -> int:
    return sum(key in found and _facts(found[key]) != _facts(pair) for key, pair in base.items())


def _facts(pair: Pair) -> Pair:
    return replace(pair, confidence=1.0, reasons=(), messages=(), answers=())


def judged(figures: ModuleType, folders: Sequence[Path]) -> Iterator[tuple[Pair, bool]]:
    """Each pair of a case that is not ambiguous, and whether it is expected."""
    for folder in folders:
        for _, files, expected in figures.cases(folder):
            if any(e.get("ambiguous") for e in expected):
                continue
            for pair in read_pairs(*files):
                counts = figures.figures([pair], expected)
                yield pair, counts["pairs"] == 1


def print_bands(figures: ModuleType, folders: Sequence[Path]) -> None:
    found = list(judged(figures, folders))
    print("\n| confidence | pairs | of all | right |\n|---|---|---|---|")
    above = 1.01
    for low in BANDS:
        band = [right for pair, right in found if low <= pair.confidence < above]
        if band:
            name = f"{low:.1f} to 1" if above > 1 else f"{low:.1f} to {above:.1f}"
            print(f"| {name} | {len(band)} | {len(band) / len(found):.1%} | {sum(band) / len(band):.1%} |")
        above = low


def main(given: Sequence[str]) -> int:
    figures = figures_module()
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(name) for name in given]
        for name in ARCHIVES if not given else ():
            folders.append(Path(temporary) / name)
            with tarfile.open(CORPUS / f"{name}.tar.xz") as archive:
                archive.extractall(folders[-1], filter="data")
        base, base_pairs = counted(figures, folders)
        print(f"| rule | {' | '.join((*COLUMNS, OTHER))} |\n|---|{'---|' * (len(COLUMNS) + 1)}")
        print(f"| all rules | {' | '.join(str(base[name]) for name in COLUMNS)} | |")
        idle = []
        for off in RULES:
            with ExitStack() as stack:
                for module, name in off.places:
                    stack.enter_context(patch.object(module, name, off.instead(getattr(module, name))))
                found, pairs = counted(figures, folders)
            moved = [found[name] - base[name] for name in COLUMNS]
            n = changed(base_pairs, pairs)
            cells = [*[f"{n:+}" if n else "" for n in moved], str(n or "")]
            print(f"| without: {off.rule} | {' | '.join(cells)} |", flush=True)
            if not any((*moved, n)):
                idle.append(off.rule)
        print_bands(figures, folders)
    print(f"\nMoves nothing here: {', '.join(idle) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
