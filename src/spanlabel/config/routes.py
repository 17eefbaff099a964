"""The list of routes: which pairs go to which destinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from spanlabel import registry
from spanlabel.errors import ConfigError

from .destinations import NAME
from .rules import Conditions

_Names = Annotated[
    tuple[str, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given), Field(min_length=1)
]


class Route(BaseModel):
    """Where the pairs go that one of its conditions holds for.

    Attributes:
        name: In a record's metadata and in `spanlabel explain`; unique.
        when: Conditions, one of which must hold; without any it takes every pair.
        to: Names of destinations.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    when: Conditions = ()
    to: _Names


def read_routes(listed: object, place: str, destinations: Sequence[str]) -> tuple[Route, ...]:
    """Read `routes` of spanlabel.yaml.

    Args:
        listed: As YAML gave it.
        place: File and key, such as "/app/spanlabel.yaml: routes".
        destinations: Names of all destinations.

    Raises:
        ConfigError: Something in it is wrong; the text names the place, such as "routes[0].when".
    """
    if not isinstance(listed, list) or not listed:
        raise ConfigError("must be a list of at least one route", setting="routes", source=place)
    routes = tuple(_read_one(entry, f"{place}[{index}]", destinations) for index, entry in enumerate(listed))
    for index, route in enumerate(routes):
        if any(route.name == other.name for other in routes[:index]):
            raise ConfigError("two routes have this name", setting="name", value=route.name, source=f"{place}[{index}]")
        if not route.when and index < len(routes) - 1:
            raise ConfigError(
                "without when it takes every pair, so no route after it takes any: make it the last one",
                setting="when",
                source=f"{place}[{index}]",
            )
    return routes


def _read_one(entry: object, place: str, destinations: Sequence[str]) -> Route:
    if not isinstance(entry, Mapping):
        raise ConfigError("must be a mapping with name, when and to", setting="route", source=place)
    try:
        route = Route(**{str(key): value for key, value in entry.items()})
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False)[0]
        field = str(problem["loc"][0]) if problem["loc"] else "route"
        if problem["type"] == "extra_forbidden":
            known = tuple(Route.model_fields)
            raise ConfigError(
                f"not a setting{registry.suggestion(field, known)}", setting=field, source=place
            ) from None
        rule = problem["msg"].removeprefix("Value error, ").replace("Input should", "must")
        raise ConfigError(rule, setting=field, source=f"{place}.{field}") from None
    if not NAME.fullmatch(route.name):
        raise ConfigError(
            "must be 1 to 64 letters, digits, '.', '_' or '-', a letter or digit first",
            setting="name",
            source=f"{place}.name",
        )
    for name in route.to:
        if name not in destinations:
            raise ConfigError(
                f"there is no such destination{registry.suggestion(name, tuple(destinations))}",
                setting="to",
                value=name,
                source=f"{place}.to",
            )
    return route
