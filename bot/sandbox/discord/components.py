"""Message components and modals: walking through them, and how Discord gives them back.

Source: Discord's components/reference. A component is kept as the JSON that the bot sent, completed
with what Discord adds (ids and defaults), because that is what comes back in interactions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

Json = dict[str, Any]


class Kind(IntEnum):
    """The component types."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18
    FILE_UPLOAD = 19
    RADIO_GROUP = 21
    CHECKBOX_GROUP = 22
    CHECKBOX = 23


SELECTS: Final = frozenset(
    {
        Kind.STRING_SELECT,
        Kind.USER_SELECT,
        Kind.ROLE_SELECT,
        Kind.MENTIONABLE_SELECT,
        Kind.CHANNEL_SELECT,
    }
)
_SELECT_DEFAULTS: Final[Json] = {"min_values": 1, "max_values": 1, "disabled": False}
_DEFAULTS: Final[dict[Kind, Json]] = {
    Kind.BUTTON: {"disabled": False},
    Kind.THUMBNAIL: {"description": None, "spoiler": False},
    Kind.FILE: {"spoiler": False, "size": 0},
    Kind.SEPARATOR: {"divider": True, "spacing": 1},
    Kind.CONTAINER: {"accent_color": None, "spoiler": False},
    **dict.fromkeys(SELECTS, _SELECT_DEFAULTS),
}
"""What Discord fills in where a bot said nothing."""

CHOICE_FIELDS: Final = frozenset({Kind.STRING_SELECT, Kind.RADIO_GROUP, Kind.CHECKBOX_GROUP})
BUTTON_LINK: Final = 5
BUTTON_PREMIUM: Final = 6


def children(component: Mapping[str, Any]) -> Iterator[Json]:
    """Yield what stands directly inside a component."""
    yield from component.get("components") or ()
    for slot in ("accessory", "component"):
        if isinstance(component.get(slot), dict):
            yield component[slot]


def walk(components: list[Json]) -> Iterator[Json]:
    """Yield every component in reading order, nested ones too."""
    for component in components:
        yield component
        yield from walk(list(children(component)))


def complete(components: list[Json], media_url: Mapping[str, str], media_id: int) -> list[Json]:
    """Return components as Discord gives them back.

    Every one has an id of 32 bits (the bot's own where it gave one) and the fields that Discord
    fills in; ``attachment://name`` becomes the address in ``media_url``. ``media_id`` is a fresh
    snowflake that stands for the media.
    """
    taken = {component["id"] for component in walk(components) if component.get("id")}
    free = (number for number in range(1, 1 << 31) if number not in taken)
    return [_completed(component, free, media_url, str(media_id)) for component in components]


def _completed(
    component: Json, free: Iterator[int], media_url: Mapping[str, str], media_id: str
) -> Json:
    done: Json = {key: value for key, value in component.items() if value is not None}
    done["id"] = component.get("id") or next(free)
    done = _DEFAULTS.get(Kind(component["type"]), {}) | done
    match component["type"]:
        case Kind.THUMBNAIL:
            done["media"] = _unfurled(component["media"], media_url, media_id)
        case Kind.MEDIA_GALLERY:
            done["items"] = [
                {"description": None, "spoiler": False}
                | {key: value for key, value in item.items() if value is not None}
                | {"media": _unfurled(item["media"], media_url, media_id)}
                for item in component["items"]
            ]
        case Kind.FILE:
            done["name"] = component["file"]["url"].removeprefix("attachment://")
            done["file"] = _unfurled(component["file"], media_url, media_id)
    if "components" in component:
        done["components"] = [
            _completed(child, free, media_url, media_id) for child in component["components"]
        ]
    for slot in ("accessory", "component"):
        if isinstance(component.get(slot), dict):
            done[slot] = _completed(component[slot], free, media_url, media_id)
    return done


def _unfurled(media: Json, media_url: Mapping[str, str], media_id: str) -> Json:
    url = media["url"]
    url = media_url.get(url.removeprefix("attachment://"), url)
    return {"id": media_id, "url": url, "proxy_url": url, "width": 0, "height": 0}


@dataclass(frozen=True, slots=True)
class Button:
    """A button as a person sees it."""

    label: str
    custom_id: str | None
    url: str | None
    style: int
    disabled: bool
    raw: Json

    @classmethod
    def parse(cls, raw: Json) -> Button:
        """Read a button; one without a label is named by its emoji."""
        label = raw.get("label") or (raw.get("emoji") or {}).get("name") or ""
        return cls(
            label=label,
            custom_id=raw.get("custom_id"),
            url=raw.get("url"),
            style=raw["style"],
            disabled=bool(raw.get("disabled")),
            raw=raw,
        )


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of a string select, a radio group or a checkbox group."""

    label: str
    value: str
    description: str
    default: bool

    @classmethod
    def parse(cls, raw: Json) -> Option:
        """Read an option."""
        return cls(
            label=raw["label"],
            value=raw["value"],
            description=raw.get("description") or "",
            default=bool(raw.get("default")),
        )


@dataclass(frozen=True, slots=True)
class Select:
    """A select menu as a person sees it."""

    kind: Kind
    custom_id: str
    placeholder: str
    options: tuple[Option, ...]
    min_values: int
    max_values: int
    disabled: bool
    raw: Json

    @classmethod
    def parse(cls, raw: Json) -> Select:
        """Read a select menu of any kind."""
        return cls(
            kind=Kind(raw["type"]),
            custom_id=raw["custom_id"],
            placeholder=raw.get("placeholder") or "",
            options=tuple(Option.parse(option) for option in raw.get("options") or ()),
            min_values=raw.get("min_values", 1),
            max_values=raw.get("max_values", 1),
            disabled=bool(raw.get("disabled")),
            raw=raw,
        )


def buttons_of(components: list[Json]) -> list[Button]:
    """Return the buttons in reading order."""
    return [Button.parse(raw) for raw in walk(components) if raw["type"] == Kind.BUTTON]


def selects_of(components: list[Json]) -> list[Select]:
    """Return the select menus in reading order."""
    return [Select.parse(raw) for raw in walk(components) if raw["type"] in SELECTS]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a modal: a label and what can be filled in under it."""

    label: str
    description: str
    kind: Kind
    custom_id: str
    required: bool
    raw: Json

    @property
    def options(self) -> tuple[Option, ...]:
        """What can be chosen, for fields that offer a list."""
        return tuple(Option.parse(option) for option in self.raw.get("options") or ())

    @property
    def prefilled(self) -> str:
        """The text that a text input opens with."""
        return self.raw.get("value") or ""


def fields_of(components: list[Json]) -> list[Field]:
    """Return the fields of a modal; text displays are none."""
    return [
        Field(
            label=component.get("label") or raw.get("label") or "",
            description=component.get("description") or "",
            kind=Kind(raw["type"]),
            custom_id=raw["custom_id"],
            required=raw.get("required", True),
            raw=raw,
        )
        for component in components
        if component["type"] in (Kind.LABEL, Kind.ACTION_ROW)
        for raw in children(component)
    ]
