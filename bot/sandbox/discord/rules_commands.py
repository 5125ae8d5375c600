"""Discord's rules about application commands. Source: interactions/application-commands."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from bot.sandbox.discord.commands import STRING_MAX, OptionType
from bot.sandbox.discord.form import Form, Path

NAME_MAX: Final = 32
DESCRIPTION_MAX: Final = 100
OPTIONS_MAX: Final = 25
CHOICES_MAX: Final = 25
CHOICE_MAX: Final = 100
COMMAND_TEXT_MAX: Final = 8000
SLASH: Final = 1
COUNT_MAX: Final[Mapping[int, int]] = {SLASH: 100, 2: 15, 3: 15}

Json = dict[str, Any]


def check_commands(form: Form, commands: list[Json]) -> None:
    """Check all commands of a scope together."""
    for kind, most in COUNT_MAX.items():
        names = [each.get("name") for each in commands if each.get("type", SLASH) == kind]
        if len(names) > most:
            form.wrong((), "APPLICATION_COMMANDS_TOO_MANY", f"{len(names)} of type {kind}")
        form.unique((), names, "command")
    for index, command in enumerate(commands):
        _check_command(form, (index,), command)


def _check_command(form: Form, path: Path, command: Json) -> None:
    description = command.get("description") or ""
    if command.get("type", SLASH) == SLASH:
        _check_name(form, path, command)
        form.length((*path, "description"), description, DESCRIPTION_MAX, least=1)
        _check_options(form, path, command, depth=0)
    else:
        form.length((*path, "name"), command.get("name"), NAME_MAX, least=1, required=True)
        form.length((*path, "description"), description, 0)
    if _text_size(command) > COMMAND_TEXT_MAX:
        message = f"more than {COMMAND_TEXT_MAX} characters in all"
        form.wrong(path, "APPLICATION_COMMAND_TOO_LARGE", message)


def _check_name(form: Form, path: Path, named: Json) -> None:
    names = {"name": named.get("name"), **(named.get("name_localizations") or {})}
    for where, name in names.items():
        place = (*path, "name") if where == "name" else (*path, "name_localizations", where)
        form.length(place, name, NAME_MAX, least=1, required=True)
        if isinstance(name, str) and not _good_name(name):
            form.wrong(place, "APPLICATION_COMMAND_INVALID_NAME", f"{name!r}")
    for where, text in (named.get("description_localizations") or {}).items():
        place = (*path, "description_localizations", where)
        form.length(place, text, DESCRIPTION_MAX, least=1)


def _good_name(name: str) -> bool:
    """Tell whether a name has letters, digits, marks, ``-_'`` only, and no capitals."""
    letters = all(char in "-_'" or unicodedata.category(char)[0] in "LNM" for char in name)
    return letters and name == name.lower()


def _check_options(form: Form, path: Path, holder: Json, *, depth: int) -> None:
    options = holder.get("options") or []
    form.count((*path, "options"), options, OPTIONS_MAX)
    form.unique((*path, "options"), [option.get("name") for option in options], "option")
    optional_seen = False
    nested = [option.get("type") in (1, 2) for option in options]
    if any(nested) and not all(nested):
        message = "subcommands and plain options do not mix"
        form.wrong((*path, "options"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    for index, option in enumerate(options):
        place = (*path, "options", index)
        if optional_seen and option.get("required"):
            message = "required options come before optional ones"
            form.wrong(place, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional_seen = optional_seen or not option.get("required")
        _check_option(form, place, option, depth=depth)


def _check_option(form: Form, path: Path, option: Json, *, depth: int) -> None:
    _check_name(form, path, option)
    form.length((*path, "description"), option.get("description"), DESCRIPTION_MAX, least=1)
    kind = option.get("type")
    if kind in (OptionType.SUBCOMMAND, OptionType.GROUP):
        if depth > 1 or (kind == OptionType.GROUP and depth > 0):
            form.wrong(path, "APPLICATION_COMMAND_OPTIONS_NESTING_INVALID", "nested too deep")
        else:
            _check_options(form, path, option, depth=depth + 1)
        return
    _check_choices(form, path, option)
    for key in ("min_length", "max_length"):
        form.between((*path, key), option.get(key), 0, STRING_MAX)


def _check_choices(form: Form, path: Path, option: Json) -> None:
    choices = option.get("choices") or []
    form.count((*path, "choices"), choices, CHOICES_MAX)
    if choices and option.get("autocomplete"):
        message = "choices and autocomplete exclude each other"
        form.wrong((*path, "autocomplete"), "APPLICATION_COMMAND_AUTOCOMPLETE_INVALID", message)
    form.unique((*path, "choices"), [choice.get("name") for choice in choices], "choice")
    for index, choice in enumerate(choices):
        check_choice(form, (*path, "choices", index), choice)


def check_choice(form: Form, path: Path, choice: Json) -> None:
    """Check a choice of an option, or a suggestion of an autocomplete."""
    form.length((*path, "name"), choice.get("name"), CHOICE_MAX, least=1, required=True)
    value = choice.get("value")
    if isinstance(value, str):
        form.length((*path, "value"), value, CHOICE_MAX, least=1)
    elif not isinstance(value, int | float) or isinstance(value, bool):
        form.wrong((*path, "value"), "BASE_TYPE_REQUIRED", "This field is required")
    elif abs(value) > 2**53:
        form.wrong((*path, "value"), "NUMBER_TYPE_RANGE", "beyond 2^53")


def _text_size(command: Json) -> int:
    """Count names, descriptions and values; of every localised text the longest counts."""
    total = 0
    for key in ("name", "description"):
        texts = [command.get(key) or "", *(command.get(f"{key}_localizations") or {}).values()]
        total += max(len(text) for text in texts)
    if isinstance(command.get("value"), str):
        total += len(command["value"])
    for inner in (*(command.get("options") or ()), *(command.get("choices") or ())):
        total += _text_size(inner)
    return total
