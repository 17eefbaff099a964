"""The demo's application, scene by scene, and the records that must come of each."""

from .agent import AGENT
from .chain import CHAIN
from .chats import CONVERSATION, HISTORY
from .nothing import EMBEDDING, FAILING
from .other_ways import ASYNC, RESPONSES
from .questions import CHOICES, PLAIN, STREAMING
from .scene import App, Expected, Scene

SCENES: tuple[Scene, ...] = (
    PLAIN,
    HISTORY,
    CHAIN,
    AGENT,
    STREAMING,
    ASYNC,
    CHOICES,
    CONVERSATION,
    RESPONSES,
    FAILING,
    EMBEDDING,
)
"""All scenes, in the order in which they are shown."""

__all__ = ["SCENES", "App", "Expected", "Scene"]
