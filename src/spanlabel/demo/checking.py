"""Do the records of a scene say what the scene promises?"""

from __future__ import annotations

from collections.abc import Sequence

from spanlabel.model import Record

from .scenes import Expected, Scene


def complaints(scene: Scene, records: Sequence[Record]) -> list[str]:
    """Compare a scene's records with what it promises.

    Args:
        scene: What was run, with the scripted provider.
        records: What came of it, in any order.

    Returns:
        One line for each difference; none if all is as it should be.
    """
    left = list(records)
    found: list[str] = []
    ids: dict[object, object] = {}
    for expected in scene.expected:
        record = next((one for one in left if one.prompt == expected.prompt), None)
        if record is None:
            found.append(f"no record for the question {expected.prompt!r}")
            continue
        left.remove(record)
        found += [f"{line}, for the question {expected.prompt!r}" for line in _differences(expected, record)]
        conversation = record.metadata.get("conversation_id")
        if (
            _begins(conversation, expected.conversation)
            and ids.setdefault(expected.conversation, conversation) != conversation
        ):
            found.append(f"two conversations, {ids[expected.conversation]} and {conversation}, instead of one")
    found += [f"a record that should not be, for the question {one.prompt!r}" for one in left]
    return [f"{scene.name}: {line}" for line in found]


def _differences(expected: Expected, record: Record) -> list[str]:
    conversation = record.metadata.get("conversation_id")
    facts = (
        ("answers", expected.answers, record.answers),
        ("messages before the answer", expected.messages, len(record.messages)),
        ("steps skipped", expected.skipped_steps, record.metadata.get("skipped_steps", 0)),
        (
            "conversation",
            expected.conversation,
            expected.conversation if _begins(conversation, expected.conversation) else conversation,
        ),
    )
    return [f"{what}: {got!r} instead of {wanted!r}" for what, wanted, got in facts if got != wanted]


def _begins(conversation: object, expected: str | None) -> bool:
    return isinstance(conversation, str) and expected is not None and conversation.startswith(expected)
