"""What a label configuration shows and asks: Label Studio's XML, read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from spanlabel.errors import ConfigError

_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_-]*)")
_OPTIONS = {"Choice", "Label"}  # children whose `value` is one of the answers that a control allows


@dataclass(frozen=True, slots=True)
class Shown:
    """A tag that shows what a task holds under a variable.

    Attributes:
        tag: Its kind, such as "Text" or "Paragraphs".
        name: Its name; "" if it has none, as a Header.
        variable: The key in the task's data.
        attributes: All its attributes.
    """

    tag: str
    name: str
    variable: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Control:
    """A tag that asks the reviewer something.

    Attributes:
        tag: Its kind, such as "Choices" or "TextArea".
        name: Its name: the key of the answer.
        to: Names of the shown things that it is about.
        options: The answers that it allows, if it lists them.
    """

    tag: str
    name: str
    to: tuple[str, ...]
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """A label configuration, read."""

    shown: tuple[Shown, ...]
    controls: tuple[Control, ...]

    @property
    def tags(self) -> tuple[Shown | Control, ...]:
        """Both."""
        return (*self.shown, *self.controls)

    def named(self, name: str) -> Shown | Control | None:
        """The tag of this name; None if there is none."""
        return next((tag for tag in self.tags if tag.name == name), None)


def read_layout(label_config: str) -> Layout:
    """Read a label configuration.

    Raises:
        ConfigError: It is not one; the text says what is wrong and where.
    """
    if "<!" in re.sub(r"<!--.*?-->", "", label_config, flags=re.DOTALL):
        raise ConfigError("must not declare a document type or entities", setting="label_config")
    try:
        root = ET.fromstring(label_config)  # noqa: S314  without a document type there are no entities to expand
    except ET.ParseError as error:
        raise ConfigError(f"is not XML: {error}", setting="label_config") from error
    if root.tag != "View":
        raise ConfigError(f"must be a <View> that holds everything, not <{root.tag}>", setting="label_config")
    shown: list[Shown] = []
    controls: list[Control] = []
    for element in root.iter():
        if "toName" in element.attrib:
            controls.append(_control(element))
        shown += _shown(element)
    layout = Layout(tuple(shown), tuple(controls))
    names = [tag.name for tag in layout.tags if tag.name]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two tags have the name {name!r}", setting="label_config")
    return layout


def _shown(element: ET.Element) -> Iterator[Shown]:
    for attribute, text in element.attrib.items():
        if "$" not in text or element.tag == "Style":
            continue
        found = _VARIABLE.fullmatch(text)
        if found is None or attribute != "value":
            if text.startswith("$"):
                raise ConfigError(
                    f'<{element.tag} {attribute}="{text}"> cannot be filled; spanlabel fills value="$name"',
                    setting="label_config",
                )
            continue
        yield Shown(element.tag, element.get("name", ""), found.group(1), dict(element.attrib))


def _control(element: ET.Element) -> Control:
    name = element.get("name")
    if not name:
        raise ConfigError(f"<{element.tag}> asks something and has no name", setting="label_config")
    to = tuple(part.strip() for part in element.attrib["toName"].split(","))
    options = tuple(child.get("value", "") for child in element.iter() if child.tag in _OPTIONS)
    return Control(element.tag, name, to, options)


def differences(wanted: Layout, names: tuple[str, ...], found: Layout) -> list[str]:
    """Say what a project lacks.

    Args:
        wanted: What a preset looks like.
        names: What of it must be there.
        found: The project's own; it may have more.

    Returns:
        Each difference in words; empty if it has what is needed.
    """
    said: list[str] = []
    for name in names:
        needed, there = wanted.named(name), found.named(name)
        if needed is None:
            continue
        if there is None:
            said.append(f"it has no <{needed.tag}> named {name!r}")
        elif there.tag != needed.tag:
            said.append(f"{name!r} is a <{there.tag}>, and should be a <{needed.tag}>")
        elif isinstance(needed, Control) and isinstance(there, Control):
            missing = [option for option in needed.options if option not in there.options]
            if missing:
                said.append(f"{name!r} does not offer {', '.join(map(repr, missing))}")
    return said
