"""What a person fills in: the values of select menus and of a modal's fields.

Whatever a real client would not let through is a ``SandboxError``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from bot.sandbox.discord.commands import resolve
from bot.sandbox.discord.components import CHOICE_FIELDS, SELECTS, Field, Kind, Option, Select
from bot.sandbox.discord.errors import SandboxError
from bot.sandbox.discord.interactions import Modal

if TYPE_CHECKING:
    from bot.sandbox.discord.state import Channel

Json = dict[str, Any]

TEXT_MAX: Final = 4000

_RESOLVED_KEY: Final = {
    Kind.USER_SELECT: {"users"},
    Kind.ROLE_SELECT: {"roles"},
    Kind.CHANNEL_SELECT: {"channels"},
    Kind.MENTIONABLE_SELECT: {"users", "roles"},
}


def select_values(
    select: Select, chosen: Sequence[object], channel: Channel
) -> tuple[list[str], Json]:
    """Return the values of a select, and the objects they name."""
    if not select.min_values <= len(chosen) <= select.max_values:
        raise SandboxError(
            f"{select.placeholder or select.custom_id!r} takes {select.min_values} to "
            f"{select.max_values} values, not {len(chosen)}"
        )
    return _values(select.kind, select.options, chosen, channel)


def _values(
    kind: Kind, options: Sequence[Option], chosen: Sequence[object], channel: Channel
) -> tuple[list[str], Json]:
    if kind in CHOICE_FIELDS:
        return [_option_value(options, each) for each in chosen], {}
    resolved: Json = {}
    values = [resolve(each, channel, resolved) for each in chosen]
    wrong = resolved.keys() - _RESOLVED_KEY[kind] - {"members"}
    if wrong:
        raise SandboxError(f"a {kind.name.lower()} can't hold {sorted(wrong)}")
    return values, resolved


def _option_value(options: Sequence[Option], wanted: object) -> str:
    exact = [option for option in options if wanted in (option.label, option.value)]
    found = exact or [option for option in options if option.label.startswith(str(wanted))]
    if len(found) != 1:
        raise SandboxError(f"no option {wanted!r}; there: {[option.label for option in options]}")
    return found[0].value


def modal_data(modal: Modal, given: Mapping[str, object]) -> Json:
    """Return the data of a modal's submission. Fields not named keep what they opened with."""
    labels = [field.label for field in modal.fields]
    unknown = [label for label in given if label not in labels]
    if unknown:
        raise SandboxError(f"the modal has no field {unknown}; there: {labels}")
    resolved: Json = {}
    by_id = {field.custom_id: field for field in modal.fields}
    components = [
        _submitted(component, by_id, given, modal.interaction.channel, resolved)
        for component in modal.components
    ]
    data: Json = {"custom_id": modal.custom_id, "components": components}
    if resolved:
        data["resolved"] = resolved
    return data


def _submitted(
    component: Json,
    by_id: Mapping[str, Field],
    given: Mapping[str, object],
    channel: Channel,
    resolved: Json,
) -> Json:
    body: Json = {"type": component["type"], "id": component["id"]}
    if component["type"] == Kind.LABEL:
        field = by_id[component["component"]["custom_id"]]
        return body | {"component": _filled(field, given, channel, resolved)}
    if component["type"] == Kind.ACTION_ROW:
        fields = [by_id[raw["custom_id"]] for raw in component["components"]]
        return body | {"components": [_filled(one, given, channel, resolved) for one in fields]}
    return body


def _filled(field: Field, given: Mapping[str, object], channel: Channel, resolved: Json) -> Json:
    body: Json = {
        "type": field.kind.value,
        "id": field.raw["id"],
        "custom_id": field.custom_id,
    }
    if field.kind == Kind.TEXT_INPUT:
        return body | {"value": _text(field, given.get(field.label, field.prefilled))}
    if field.kind == Kind.CHECKBOX:
        return body | {"value": bool(given.get(field.label, field.raw.get("default", False)))}
    if field.kind not in SELECTS | CHOICE_FIELDS:
        raise SandboxError(f"{field.kind.name.lower()} is not played")
    values, named = _values(field.kind, field.options, _chosen(field, given), channel)
    for key, objects in named.items():
        resolved.setdefault(key, {}).update(objects)
    _check_count(field, values)
    if field.kind == Kind.RADIO_GROUP:
        return body | {"value": values[0] if values else None}
    return body | {"values": values}


def _text(field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise SandboxError(f"{field.label!r} takes text, not {value!r}")
    if not value and not field.required:
        return value
    shortest = max(field.raw.get("min_length") or 0, 1 if field.required else 0)
    longest = field.raw.get("max_length") or TEXT_MAX
    if not shortest <= len(value) <= longest:
        raise SandboxError(
            f"{field.label!r} takes {shortest} to {longest} characters, not {len(value)}"
        )
    return value


def _chosen(field: Field, given: Mapping[str, object]) -> Sequence[object]:
    if field.label not in given:
        defaults = [option.value for option in field.options if option.default]
        return defaults or [int(each["id"]) for each in field.raw.get("default_values") or ()]
    value = given[field.label]
    return value if isinstance(value, list | tuple) else [value]


def _check_count(field: Field, values: Sequence[str]) -> None:
    if not values and not field.required:
        return
    lowest = max(field.raw.get("min_values", 1), 1 if field.required else 0)
    every = len(field.options) if field.kind == Kind.CHECKBOX_GROUP else 1
    highest = field.raw.get("max_values", every)
    if not lowest <= len(values) <= highest:
        raise SandboxError(f"{field.label!r} takes {lowest} to {highest} values, not {len(values)}")
