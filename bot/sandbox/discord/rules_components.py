"""Discord's rules about components that its OpenAPI document does not hold, and their limits.

Source: Discord's components/reference, and what its servers are known to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.sandbox.discord.components import (
    BUTTON_LINK,
    BUTTON_PREMIUM,
    CHOICE_FIELDS,
    SELECTS,
    Json,
    Kind,
    children,
    walk,
)
from bot.sandbox.discord.form import Form, Path

CUSTOM_ID_MAX: Final = 100
LABEL_MAX: Final = 80
URL_MAX: Final = 512
ROWS_MAX: Final = 5
ROW_BUTTONS_MAX: Final = 5
OPTIONS_MAX: Final = 25
OPTION_TEXT_MAX: Final = 100
PLACEHOLDER_MAX: Final = 150
V2_COMPONENTS_MAX: Final = 40
V2_TEXT_MAX: Final = 4000
SECTION_TEXTS_MAX: Final = 3
GALLERY_MAX: Final = 10
ALT_TEXT_MAX: Final = 1024
MODAL_COMPONENTS_MAX: Final = 5
MODAL_TITLE_MAX: Final = 45
FIELD_LABEL_MAX: Final = 45
FIELD_DESCRIPTION_MAX: Final = 100
INPUT_MAX: Final = 4000
INPUT_PLACEHOLDER_MAX: Final = 100
GROUP_OPTIONS: Final[Mapping[Kind, tuple[int, int]]] = {
    Kind.STRING_SELECT: (1, 25),
    Kind.RADIO_GROUP: (2, 10),
    Kind.CHECKBOX_GROUP: (1, 10),
}
FILES_MAX: Final = 10

_IN_ROW: Final = SELECTS | {Kind.BUTTON}
_IN_CONTAINER: Final = frozenset(
    {
        Kind.ACTION_ROW,
        Kind.TEXT_DISPLAY,
        Kind.SECTION,
        Kind.MEDIA_GALLERY,
        Kind.SEPARATOR,
        Kind.FILE,
    }
)
_V2_TOP: Final = _IN_CONTAINER | {Kind.CONTAINER}
_IN_LABEL: Final = SELECTS | {
    Kind.TEXT_INPUT,
    Kind.FILE_UPLOAD,
    Kind.RADIO_GROUP,
    Kind.CHECKBOX_GROUP,
    Kind.CHECKBOX,
}


def check_message_components(form: Form, components: list[Json], *, v2: bool) -> None:
    """Check the components of a message."""
    top = _V2_TOP if v2 else frozenset({Kind.ACTION_ROW})
    for index, component in enumerate(components):
        path: Path = ("components", index)
        if component.get("type") in top:
            _check(form, path, component)
        else:
            hint = "" if v2 else "; other components need the flag IS_COMPONENTS_V2"
            message = f"type {component.get('type')} cannot stand here{hint}"
            form.wrong((*path, "type"), "UNION_TYPE_CHOICES", message)
    if v2:
        _check_v2_size(form, components)
    else:
        form.count(("components",), components, ROWS_MAX)
    _check_unique(form, components)


def _check_v2_size(form: Form, components: list[Json]) -> None:
    every = list(walk(components))
    if len(every) > V2_COMPONENTS_MAX:
        message = f"{len(every)} components, {V2_COMPONENTS_MAX} at most, nested ones count"
        form.wrong(("components",), "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message)
    texts = [raw.get("content") for raw in every if raw.get("type") == Kind.TEXT_DISPLAY]
    total = sum(len(text) for text in texts if isinstance(text, str))
    if total > V2_TEXT_MAX:
        message = f"{total} characters of text, {V2_TEXT_MAX} at most in a message"
        form.wrong(("components",), "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message)


def _check_unique(form: Form, components: list[Json]) -> None:
    every = list(walk(components))
    custom_ids = [raw["custom_id"] for raw in every if raw.get("custom_id")]
    form.unique(("components",), custom_ids, "custom id")
    form.unique(("components",), [raw["id"] for raw in every if raw.get("id")], "component id")


def _check(form: Form, path: Path, raw: Json) -> None:
    """Check one component and what is in it."""
    match raw.get("type"):
        case Kind.ACTION_ROW:
            _check_row(form, path, raw)
        case Kind.SECTION:
            _check_section(form, path, raw)
        case Kind.CONTAINER:
            _check_inside(form, path, raw, _IN_CONTAINER)
            form.count(
                (*path, "components"), raw.get("components") or [], V2_COMPONENTS_MAX, least=1
            )
            form.between((*path, "accent_color"), raw.get("accent_color"), 0, 0xFFFFFF)
        case Kind.BUTTON:
            _check_button(form, path, raw)
        case Kind.TEXT_DISPLAY:
            form.length((*path, "content"), raw.get("content"), V2_TEXT_MAX, least=1, required=True)
        case Kind.THUMBNAIL:
            _check_media(form, path, raw)
        case Kind.MEDIA_GALLERY:
            items = raw.get("items") or []
            form.count((*path, "items"), items, GALLERY_MAX, least=1)
            for index, item in enumerate(items):
                _check_media(form, (*path, "items", index), item)
        case Kind.SEPARATOR:
            form.between((*path, "spacing"), raw.get("spacing"), 1, 2)
        case kind if kind in SELECTS:
            _check_select(form, path, raw)


def _check_inside(form: Form, path: Path, raw: Json, allowed: frozenset[Kind]) -> None:
    for index, child in enumerate(raw.get("components") or []):
        place = (*path, "components", index)
        if child.get("type") not in allowed:
            message = f"type {child.get('type')} cannot stand here"
            form.wrong((*place, "type"), "UNION_TYPE_CHOICES", message)
        else:
            _check(form, place, child)


def _check_row(form: Form, path: Path, raw: Json) -> None:
    inside = raw.get("components") or []
    _check_inside(form, path, raw, frozenset(_IN_ROW))
    form.count((*path, "components"), inside, ROW_BUTTONS_MAX, least=1)
    if len(inside) > 1 and any(child.get("type") in SELECTS for child in inside):
        message = "a select menu needs a row of its own"
        form.wrong((*path, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)


def _check_section(form: Form, path: Path, raw: Json) -> None:
    _check_inside(form, path, raw, frozenset({Kind.TEXT_DISPLAY}))
    form.count((*path, "components"), raw.get("components") or [], SECTION_TEXTS_MAX, least=1)
    accessory = raw.get("accessory")
    if not isinstance(accessory, dict):
        form.wrong((*path, "accessory"), "BASE_TYPE_REQUIRED", "This field is required")
    elif accessory.get("type") not in (Kind.BUTTON, Kind.THUMBNAIL):
        message = "an accessory is a button or a thumbnail"
        form.wrong((*path, "accessory", "type"), "UNION_TYPE_CHOICES", message)
    else:
        _check(form, (*path, "accessory"), accessory)


def _check_media(form: Form, path: Path, raw: Json) -> None:
    url = (raw.get("media") or {}).get("url")
    form.length((*path, "media", "url"), url, 2048, least=1, required=True)
    if isinstance(url, str) and not url.startswith(("https://", "http://", "attachment://")):
        form.wrong((*path, "media", "url"), "URL_TYPE_INVALID_SCHEME", f"scheme of {url!r}")
    form.length((*path, "description"), raw.get("description"), ALT_TEXT_MAX)


def _check_button(form: Form, path: Path, raw: Json) -> None:
    style = raw.get("style")
    form.length((*path, "label"), raw.get("label"), LABEL_MAX)
    if not raw.get("label") and not raw.get("emoji") and style != BUTTON_PREMIUM:
        form.wrong(path, "BUTTON_COMPONENT_INVALID", "a button needs a label or an emoji")
    if style == BUTTON_LINK:
        if raw.get("custom_id"):
            form.wrong((*path, "custom_id"), "BUTTON_COMPONENT_INVALID", "a link has no custom id")
        url = raw.get("url")
        form.length((*path, "url"), url, URL_MAX, least=1, required=True)
        if isinstance(url, str) and not url.startswith(("https://", "http://", "discord://")):
            form.wrong((*path, "url"), "URL_TYPE_INVALID_SCHEME", f"scheme of {url!r}")
    elif style != BUTTON_PREMIUM:
        _check_custom_id(form, path, raw)
        if raw.get("url"):
            form.wrong((*path, "url"), "BUTTON_COMPONENT_INVALID", "only links have a url")


def _check_custom_id(form: Form, path: Path, raw: Json) -> None:
    place = (*path, "custom_id")
    form.length(place, raw.get("custom_id"), CUSTOM_ID_MAX, least=1, required=True)


def _check_select(form: Form, path: Path, raw: Json) -> None:
    _check_custom_id(form, path, raw)
    form.length((*path, "placeholder"), raw.get("placeholder"), PLACEHOLDER_MAX)
    least, most = raw.get("min_values"), raw.get("max_values")
    form.between((*path, "min_values"), least, 0, OPTIONS_MAX)
    form.between((*path, "max_values"), most, 1, OPTIONS_MAX)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        form.wrong((*path, "min_values"), "COMPONENT_SELECT_INVALID", "min is above max")
    if raw.get("type") == Kind.STRING_SELECT:
        _check_options(form, path, raw)


def _check_options(form: Form, path: Path, raw: Json) -> None:
    """Check the options of a string select, a radio group or a checkbox group."""
    options = raw.get("options") or []
    least, most = GROUP_OPTIONS[Kind(raw["type"])]
    form.count((*path, "options"), options, most, least=least)
    for index, option in enumerate(options):
        place = (*path, "options", index)
        for key in ("label", "value"):
            text = option.get(key)
            form.length((*place, key), text, OPTION_TEXT_MAX, least=1, required=True)
        form.length((*place, "description"), option.get("description"), OPTION_TEXT_MAX)
    form.unique((*path, "options"), [option.get("value") for option in options], "value")
    chosen = sum(bool(option.get("default")) for option in options)
    at_once = raw.get("max_values", len(options) if raw["type"] == Kind.CHECKBOX_GROUP else 1)
    if chosen > at_once:
        message = f"{chosen} options are chosen, {at_once} at most"
        form.wrong((*path, "options"), "SELECT_COMPONENT_TOO_MANY_DEFAULTS", message)
    if raw.get("max_values", 1) > max(1, len(options)):
        message = "more values than there are options"
        form.wrong((*path, "max_values"), "COMPONENT_SELECT_INVALID", message)


def check_modal(form: Form, modal: Mapping[str, Any]) -> None:
    """Check a modal: its title, and up to five labels, text displays or rows."""
    form.length(("title",), modal.get("title"), MODAL_TITLE_MAX, least=1, required=True)
    _check_custom_id(form, (), dict(modal))
    components = modal.get("components") or []
    form.count(("components",), components, MODAL_COMPONENTS_MAX, least=1)
    for index, component in enumerate(components):
        path: Path = ("components", index)
        match component.get("type"):
            case Kind.LABEL:
                _check_label(form, path, component)
            case Kind.ACTION_ROW:
                _check_input_row(form, path, component)
            case Kind.TEXT_DISPLAY:
                _check(form, path, component)
            case kind:
                message = f"type {kind} cannot stand in a modal"
                form.wrong((*path, "type"), "UNION_TYPE_CHOICES", message)
    _check_unique(form, components)


def _check_label(form: Form, path: Path, raw: Json) -> None:
    form.length((*path, "label"), raw.get("label"), FIELD_LABEL_MAX, least=1, required=True)
    form.length((*path, "description"), raw.get("description"), FIELD_DESCRIPTION_MAX)
    field = raw.get("component")
    if not isinstance(field, dict) or field.get("type") not in _IN_LABEL:
        form.wrong((*path, "component"), "UNION_TYPE_CHOICES", "a label needs a field")
        return
    if field["type"] == Kind.TEXT_INPUT and field.get("label"):
        form.wrong((*path, "component", "label"), "COMPONENT_INVALID", "the label has the text")
    _check_field(form, (*path, "component"), field)


def _check_input_row(form: Form, path: Path, raw: Json) -> None:
    inside = list(children(raw))
    if len(inside) != 1 or inside[0].get("type") != Kind.TEXT_INPUT:
        form.wrong((*path, "components"), "UNION_TYPE_CHOICES", "a row holds one text input")
        return
    place = (*path, "components", 0)
    label = inside[0].get("label")
    form.length((*place, "label"), label, FIELD_LABEL_MAX, least=1, required=True)
    _check_field(form, place, inside[0])


def _check_field(form: Form, path: Path, raw: Json) -> None:
    _check_custom_id(form, path, raw)
    if raw.get("disabled"):
        form.wrong((*path, "disabled"), "COMPONENT_INVALID", "nothing is disabled in a modal")
    match raw["type"]:
        case Kind.TEXT_INPUT:
            _check_text_input(form, path, raw)
        case Kind.FILE_UPLOAD:
            form.between((*path, "min_values"), raw.get("min_values"), 0, FILES_MAX)
            form.between((*path, "max_values"), raw.get("max_values"), 1, FILES_MAX)
        case kind if kind in SELECTS:
            _check_select(form, path, raw)
        case kind if kind in CHOICE_FIELDS:
            _check_options(form, path, raw)


def _check_text_input(form: Form, path: Path, raw: Json) -> None:
    form.between((*path, "style"), raw.get("style", 0), 1, 2)
    form.between((*path, "min_length"), raw.get("min_length"), 0, INPUT_MAX)
    form.between((*path, "max_length"), raw.get("max_length"), 1, INPUT_MAX)
    least, most = raw.get("min_length") or 0, raw.get("max_length") or INPUT_MAX
    if least > most:
        form.wrong((*path, "min_length"), "COMPONENT_INVALID", "min is above max")
    form.length((*path, "placeholder"), raw.get("placeholder"), INPUT_PLACEHOLDER_MAX)
    if raw.get("value"):
        form.length((*path, "value"), raw["value"], most, least=least)
