"""A record that is full of markup, for the tests that open it in a browser."""

from __future__ import annotations

import itertools
from dataclasses import replace

from spanlabel.model import Document, Evaluation, Media, Message, Record, Text, ToolCall, ToolResult
from spanlabel.testing import make_record

RAN = "window.spanlabelRan"
"""What any script in it sets."""

ELSEWHERE = "probe.invalid"
"""The host of every address in it."""


def markup() -> str:
    """Markup of many kinds; each address is used once, so that one that is fetched tells which line it was."""
    numbers = itertools.count(1)
    run = f"{RAN}=1"

    def there() -> str:
        return f"https://{ELSEWHERE}/{next(numbers)}"

    return "\n\n".join(
        [
            f"<script>{run}</script> <script src='{there()}'></script>",
            f"<img src=x onerror='{run}'> <img src='{there()}'> <IMG SRC={there()}>",
            f"<svg onload='{run}'><image href='{there()}'/></svg>",
            f"![a]({there()}) ![b][r] [c]({there()})",
            f"[r]: {there()}",
            f"<iframe src='{there()}' srcdoc='<script>parent.{run}</script>'></iframe>",
            f"<link rel=stylesheet href='{there()}'><style>@import url({there()});</style>",
            f"<div style='background:url({there()})'>x</div>",
            f"<video src='{there()}' poster='{there()}' autoplay></video><audio src='{there()}'></audio>",
            f"<object data='{there()}'></object><embed src='{there()}'><base href='{there()}'>",
            f"<details open ontoggle='{run}'>d</details><input autofocus onfocus='{run}'>",
            f"<a href='javascript:{run}'>click</a> [click](javascript:{run})",
            f"{{{{ constructor.constructor('{run}')() }}}} ${{{run}}} $prompt $response",
            f"<math><mtext></mtext><mglyph><style><img src=x onerror={run}>",
            f"&lt;img src='{there()}' onerror='{run}'&gt; &#60;img src=x onerror={run}&#62;",
            f"\"><img src='{there()}' onerror={run}> ' onmouseover='{run}",
            f"]]></Style></View><img src='{there()}'>",
            f"<meta http-equiv=refresh content='0;url={there()}'>",
            there(),
            f"{there()}.png",
            f"data:text/html,<script>{run}</script>",
        ]
    )


def hostile_record() -> Record:
    """Markup in everything that a record may hold."""
    text = markup()
    return replace(
        make_record(1, prompt=text, answer=text),
        answers=(text, text),
        messages=(
            Message("system", (Text(text),)),
            Message("<img src=x onerror=a>", (Text(text), Media("<img src=x>", None, text))),
            Message("assistant", (ToolCall(text, {text: text}, "1"),)),
            Message("tool", (ToolResult(text, "1"),), name=text),
            Message("user", (Text(text),)),
        ),
        documents=(Document(text, id=text, score=0.5), Document(text)),
        metadata={
            "model": text,
            "service": f"https://{ELSEWHERE}/service.png",
            "conversation_id": text,
            "trace_id": text,
            "time": text,
            "tags": (text,),
            "app.<img src=x>": text,
        },
        suggestions=(Evaluation(text, 4.0, text, text, source=text),),
    )
