"""Messages as people see them, in plain text: for assertions, and for the demo's output."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bot.sandbox.discord.components import SELECTS, Button, Kind, Select, walk

if TYPE_CHECKING:
    from bot.sandbox.discord.messages import Message
    from bot.sandbox.discord.state import Channel

WIDTH: Final = 76
_BAR: Final = "┃ "
_ROW_GAP: Final = " "

_MENTION: Final = re.compile(r"<(@!?|@&|#)([0-9]{1,20})>")
_COMMAND: Final = re.compile(r"</([^:>]{1,100}):[0-9]{1,20}>")
_EMOJI: Final = re.compile(r"<a?:(\w{1,32}):[0-9]{1,20}>")
_TIMESTAMP: Final = re.compile(r"<t:(-?[0-9]{1,13})(?::([tTdDfFR]))?>")
_CODE_BLOCK: Final = re.compile(r"```(?:\w*\n)?(.*?)```", re.DOTALL)
_CODE: Final = re.compile(r"(?<!\\)(`+)(.+?)\1")
_LINK: Final = re.compile(r"\[([^\]\n]+)\]\(<?(https?://[^)\s>]+)>?\)")
_EMPHASIS: Final = re.compile(r"(\*\*|__|~~|\|\|)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_ITALIC: Final = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_UNDERLINED: Final = re.compile(r"(?<!\w)_(?=\S)([^_\n]+?)(?<=\S)_(?!\w)")
_HEADING: Final = re.compile(r"^(?:#{1,3}|-#) +", re.MULTILINE)
_ESCAPED: Final = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~:@/])")
_KEPT: Final = re.compile("\ue000([0-9]+)\ue001")


def texts_of(
    content: str, embeds: list[dict[str, Any]], components: list[dict[str, Any]]
) -> list[str]:
    """Return every text of a message in reading order, as markup; labels of buttons are none."""
    texts = [content] if content else []
    for embed in embeds:
        texts += _embed_texts(embed)
    texts += [raw["content"] for raw in walk(components) if raw["type"] == Kind.TEXT_DISPLAY]
    return texts


def _embed_texts(embed: dict[str, Any]) -> Iterator[str]:
    yield from filter(None, [(embed.get("author") or {}).get("name")])
    yield from filter(None, [embed.get("title"), embed.get("description")])
    for one in embed.get("fields") or ():
        yield from (one["name"], one["value"])
    yield from filter(None, [(embed.get("footer") or {}).get("text")])


def read(source: str, channel: Channel) -> str:
    """Return markup as a person reads it: names for mentions, words for times, no asterisks.

    What stands in code spans is kept as it is.
    """
    kept: list[str] = []

    def keep(text: str) -> str:
        kept.append(text)
        return f"\ue000{len(kept) - 1}\ue001"

    text = _CODE_BLOCK.sub(lambda found: keep(found[1].strip("\n")), source)
    text = _CODE.sub(lambda found: keep(found[2].strip() or found[2]), text)
    text = _ESCAPED.sub(lambda found: keep(found[1]), text)
    text = _MENTION.sub(lambda found: keep(name_of(found[1], int(found[2]), channel)), text)
    text = _COMMAND.sub(lambda found: keep(f"/{found[1]}"), text)
    text = _EMOJI.sub(lambda found: keep(f":{found[1]}:"), text)
    now = channel.world.clock.now()
    text = _TIMESTAMP.sub(lambda found: keep(spoken_time(int(found[1]), found[2], now)), text)
    text = _LINK.sub(lambda found: f"{found[1]} ↗", text)
    for _ in range(2):
        text = _EMPHASIS.sub(r"\2", text)
    text = _UNDERLINED.sub(r"\1", _ITALIC.sub(r"\1", text))
    text = _HEADING.sub("", text)
    while _KEPT.search(text):
        text = _KEPT.sub(lambda found: kept[int(found[1])], text)
    return text


def name_of(sigil: str, snowflake: int, channel: Channel) -> str:
    """Return what a mention is read as; ``sigil`` is "@", "@!", "@&" or "#"."""
    guild = channel.guild
    match sigil:
        case "@&":
            role = guild.roles_by_id.get(snowflake) if guild else None
            return f"@{role.name}" if role else "@unknown-role"
        case "#":
            target = channel.world.channels.get(snowflake)
            return f"#{target.name}" if target else "#unknown"
        case _:
            member = guild.members_by_id.get(snowflake) if guild else None
            person = member or channel.world.users.get(snowflake)
            return f"@{person.name}" if person else "@unknown-user"


_UNITS: Final = (
    ("year", 31_536_000),
    ("month", 2_592_000),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
)


def spoken_time(at: int, style: str | None, now: float) -> str:
    """Return what a timestamp of that style is read as, at ``now``; both in Unix seconds."""
    if style == "R":
        distance = round(at - now)
        unit, seconds = next((unit for unit in _UNITS if abs(distance) >= unit[1]), ("second", 1))
        count = round(abs(distance) / seconds)
        spoken = f"{count} {unit}{'' if count == 1 else 's'}"
        return f"in {spoken}" if distance >= 0 else f"{spoken} ago"
    date = datetime.fromtimestamp(at, UTC)
    day = f"{date.day} {date:%B %Y}"
    match style:
        case "t":
            return f"{date:%H:%M}"
        case "T":
            return f"{date:%H:%M:%S}"
        case "d":
            return f"{date:%d/%m/%Y}"
        case "D":
            return day
        case "F":
            return f"{date:%A}, {day} {date:%H:%M}"
        case _:
            return f"{day} {date:%H:%M}"


def render(message: Message) -> str:
    """Draw a message: who wrote it, its texts, its cards with pictures, buttons and menus."""
    head = message.author.name
    if message.ephemeral_for is not None:
        head += f"  (only {message.ephemeral_for.name} sees this)"
    lines = [head]
    if message.deleted:
        return "\n".join([*lines, "(deleted)"])
    if message.loading:
        return "\n".join([*lines, "… is thinking"])
    if message.content:
        lines += _wrapped(read(message.content, message.channel))
    for embed in message.embeds:
        for text in _embed_texts(embed):
            lines += [_BAR + line for line in _wrapped(read(text, message.channel))]
    lines += _draw_all(message.components, message.channel)
    lines += [f"[file {attachment['filename']}]" for attachment in message.attachments]
    return "\n".join(lines)


def _draw_all(components: list[dict[str, Any]], channel: Channel) -> list[str]:
    return [line for raw in components for line in _draw(raw, channel)]


def _draw(raw: dict[str, Any], channel: Channel) -> list[str]:
    match raw["type"]:
        case Kind.CONTAINER:
            return [_BAR + line for line in _draw_all(raw["components"], channel)]
        case Kind.TEXT_DISPLAY:
            return _wrapped(read(raw["content"], channel))
        case Kind.ACTION_ROW:
            return _flowed([_draw_item(item) for item in raw["components"]])
        case Kind.SECTION:
            return _beside(_draw_all(raw["components"], channel), _draw_item(raw["accessory"]))
        case Kind.MEDIA_GALLERY:
            return [_ROW_GAP.join("[picture]" for _ in raw["items"])]
        case Kind.SEPARATOR:
            return ["─" * 24] if raw.get("divider", True) else [""]
        case Kind.FILE:
            return [f"[file {raw.get('name') or raw['file']['url']}]"]
        case _:
            return [_draw_item(raw)]


def _draw_item(raw: dict[str, Any]) -> str:
    match raw["type"]:
        case Kind.BUTTON:
            return _draw_button(Button.parse(raw))
        case Kind.THUMBNAIL:
            return "[picture]"
        case kind if kind in SELECTS:
            return _draw_select(Select.parse(raw))
        case kind:
            return f"[{Kind(kind).name.lower()}]"


def _draw_button(button: Button) -> str:
    emoji = (button.raw.get("emoji") or {}).get("name")
    label = f"{emoji} {button.label}" if emoji and emoji != button.label else button.label
    if button.url is not None:
        return f"[{label} ↗]"
    return f"({label})" if button.disabled else f"[{label}]"


def _draw_select(select: Select) -> str:
    chosen = [option.label for option in select.options if option.default]
    label = ", ".join(chosen) or select.placeholder or "Make a selection"
    return f"({label} ▾)" if select.disabled else f"[{label} ▾]"


def _wrapped(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        lines += textwrap.wrap(line, WIDTH, break_long_words=False) or [""]
    return lines


def _flowed(items: list[str]) -> list[str]:
    """Put items side by side, on as many lines as they need."""
    lines = [""]
    for item in items:
        joined = f"{lines[-1]}{_ROW_GAP}{item}" if lines[-1] else item
        if len(joined) > WIDTH and lines[-1]:
            lines.append(item)
        else:
            lines[-1] = joined
    return lines


def _beside(lines: list[str], accessory: str) -> list[str]:
    """Put a section's accessory at the right of its first line."""
    first, *rest = lines or [""]
    gap = max(2, WIDTH - len(first) - len(accessory))
    return [f"{first}{' ' * gap}{accessory}", *rest]
