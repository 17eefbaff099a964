"""Take the pictures of Argilla for the documentation: `python tests/integration/servers/argilla_pictures.py FOLDER`."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.remove(str(Path(__file__).parent))  # its argilla.py is not the SDK

from servers.argilla import Stage, run_argilla
from servers.argilla_page import browse

from spanlabel.model import Message, Part, Record, Text, ToolCall, ToolResult
from spanlabel.testing import make_record

QUESTION = "The zip of the lid pocket is broken. Can I still send it back, and who pays for the parcel?"
ANSWER = """I'm sorry about the zip! Yes, you can:

1. **Send it back within 30 days** of delivery, so until 14 December 2026.
2. We pay for the parcel. Print the label here: https://acme.example.com/returns

Tell me whether you want your money back or a new backpack, and I will start it for order `A-1047`."""


def _record() -> Record:
    def said(role: str, *parts: Part | str) -> Message:
        return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))

    found = {"order": "A-1047", "delivered": "2026-11-14"}
    messages = (
        said("system", "You are the help desk of Acme Outdoor. Be brief and friendly."),
        said("user", "Hi, I bought the Ridge 45 backpack last week."),
        said("assistant", ToolCall("find_order", {"product": "Ridge 45"}, "1")),
        said("tool", ToolResult(found, "1")),
        said("assistant", "Thanks! I can see your order **A-1047**, delivered on 14 November. How can I help?"),
        said("user", QUESTION),
    )
    record = make_record(1, prompt=QUESTION, answer=ANSWER, conversation="chat-2291", service="help-desk")
    return replace(record, messages=messages)


def main(folder: Path) -> None:
    """Take them."""
    folder.mkdir(parents=True, exist_ok=True)
    with run_argilla(log_folder=Path(tempfile.mkdtemp())) as server, browse(server, width=1400, height=900) as browser:
        for preset, name in (("review", "spanlabel"), ("langchain", "langchain")):
            writer = Stage(server, name).open(preset=preset)
            writer.write([_record()], timeout_s=60)
            writer.close()
            browser.open_dataset(name)
            browser.page.screenshot(path=folder / f"argilla-{preset}.png")
            browser.page.get_by_text("Guidelines").first.click()
            browser.page.wait_for_timeout(1_000)
            browser.page.screenshot(path=folder / f"argilla-{preset}-guidelines.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
