"""What cards are put together from, and the one place that holds them to Discord's limits.

A card is assembled as blocks and built at the end: only then is it known how much room the fixed
words leave for the lists, and a list that doesn't fit ends with how many more there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from discord import ButtonStyle, MediaGalleryItem, SelectOption, TextStyle, ui

from bot.domain.market import APP_IDS
from bot.domain.plain_text import ELLIPSIS, clean_line, escape
from bot.ui import text
from bot.ui.cards.frame import Frame
from bot.ui.custom_ids import CustomId

TEXT_MAX: Final = 3900
"""Characters over all texts of a message; Discord takes 4,000."""

LABEL_MAX: Final = 80
OPTION_MAX: Final = 100
OPTIONS_MAX: Final = 25
PLACEHOLDER_MAX: Final = 150
GALLERY_MAX: Final = 10
NOTICE_MAX: Final = 1000

_PICTURES: Final = "https://community.cloudflare.steamstatic.com/economy/image/class"
TRADE_OFFERS_PAGE: Final = "https://steamcommunity.com/my/tradeoffers/"
"""Where Steam shows everyone the offers that they were made."""


BLUE: Final = 0x5865F2
AMBER: Final = 0xF0B232
GREEN: Final = 0x2D9D5F
ORANGE: Final = 0xE67E22
RED: Final = 0xD83C3E
GREY: Final = 0x80848E

Item = ui.Item[Any]


def length_of(words: str) -> int:
    """Return a length as the most careful of Discord's parts counts it: an emoji is two."""
    return len(words) + sum(char > "\uffff" for char in words)


def clipped(words: str, length_max: int) -> str:
    """Return ``words`` in at most ``length_max`` characters."""
    return words if len(words) <= length_max else words[: length_max - 1].rstrip() + ELLIPSIS


def clipped_markdown(words: str, length_max: int) -> str:
    """Return ``words``, already escaped, in at most so many characters, with no half an escape."""
    if len(words) <= length_max:
        return words
    cut = words[: length_max - 1]
    backslashes = len(cut) - len(cut.rstrip("\\"))
    if backslashes % 2:
        cut = cut[:-1]
    return cut.rstrip() + ELLIPSIS


def picture_url(game: str, class_id: str) -> str | None:
    """Return where Steam shows an item's picture, if its class is known."""
    app_id = APP_IDS.get(game)
    if app_id is None or not (class_id.isascii() and class_id.isdecimal()):
        return None
    return f"{_PICTURES}/{app_id}/{class_id}/256fx256f"


def named(name: str, quantity: int = 1) -> str:
    """Return a skin's name, escaped, and how many."""
    skin = escape(clean_line(name, length_max=OPTION_MAX))
    if quantity == 1:
        return text.SKIN.format(skin=skin)
    return text.SKIN_TIMES.format(skin=skin, quantity=quantity)


def fit(rows: Sequence[str], room: int, more: str) -> str:
    """Return as many rows as fit into ``room`` characters; the last says how many are left out."""
    whole = "\n".join(rows)
    if length_of(whole) <= room:
        return whole
    for shown in range(len(rows) - 1, 0, -1):
        tail = more.format(n=len(rows) - shown)
        cut = "\n".join([*rows[:shown], tail])
        if length_of(cut) <= room:
            return cut
    return more.format(n=len(rows))


def fit_end(rows: Sequence[str], room: int, more: str) -> str:
    """Return as many of the last rows as fit; the first says how many before them are left out."""
    whole = "\n".join(rows)
    if length_of(whole) <= room:
        return whole
    for left_out in range(1, len(rows)):
        cut = "\n".join([more.format(n=left_out), *rows[left_out:]])
        if length_of(cut) <= room:
            return cut
    return more.format(n=len(rows))


@dataclass(frozen=True, slots=True)
class _Fixed:
    item: Item
    length: int


@dataclass(frozen=True, slots=True)
class _Rows:
    rows: Sequence[str]
    more: str
    head: str
    keep_end: bool


class Card:
    """A message being put together: one container, its blocks in order."""

    def __init__(self, frame: Frame, *, accent: int | None = None) -> None:
        self._frame = frame
        self._accent = accent
        self._blocks: list[_Fixed | _Rows] = []

    def say(self, words: str) -> None:
        """Add a text that is shown whole."""
        if words:
            self._blocks.append(_Fixed(ui.TextDisplay(words), length_of(words)))

    def notice(self, words: str, rows: Sequence[str] = ()) -> None:
        """Add what just happened, on top of a screen, and row by row what it did not happen to."""
        shown = clipped_markdown(words, NOTICE_MAX)
        if rows:
            self.rows(rows, head=shown)
        else:
            self.say(shown)
        if words or rows:
            self.line()

    def rows(
        self,
        rows: Sequence[str],
        *,
        head: str = "",
        more: str = text.LIST_MORE,
        keep_end: bool = False,
    ) -> None:
        """Add a list that may be shortened at its end, or at its beginning to ``keep_end``."""
        if rows:
            self._blocks.append(_Rows(tuple(rows), more, head, keep_end))

    def line(self) -> None:
        """Add a thin line."""
        self._blocks.append(_Fixed(ui.Separator[Any](), 0))

    def picture_row(self, words: str, url: str | None, about: str) -> None:
        """Add a text with a picture beside it, or alone if there is no picture."""
        if url is None:
            self.say(words)
            return
        thumbnail = ui.Thumbnail[Any](url, description=clipped(about, 256))
        self._blocks.append(_Fixed(ui.Section[Any](words, accessory=thumbnail), length_of(words)))

    def gallery(self, pictures: Mapping[str, str]) -> None:
        """Add pictures by their address, each with its description."""
        if pictures:
            items = [
                MediaGalleryItem(url, description=clipped(about, 256))
                for url, about in list(pictures.items())[:GALLERY_MAX]
            ]
            self._blocks.append(_Fixed(ui.MediaGallery[Any](*items), 0))

    def row(self, *items: Item) -> None:
        """Add a row of buttons, or of one select."""
        if items:
            self._blocks.append(_Fixed(ui.ActionRow[Any](*items), 0))

    def build(self) -> ui.LayoutView:
        """Return the card within Discord's limits, stopped, so that discord.py stores nothing."""
        if self._frame.sandbox:
            self.say(text.SANDBOX)
        container = ui.Container[Any](accent_colour=self._accent, id=self._frame.mark)
        rooms = self._rooms()
        for index, block in enumerate(self._blocks):
            if isinstance(block, _Fixed):
                container.add_item(block.item)
            else:
                cut = fit_end if block.keep_end else fit
                shown = cut(block.rows, rooms[index], block.more)
                whole = f"{block.head}\n{shown}" if block.head else shown
                container.add_item(ui.TextDisplay[Any](whole))
        view = ui.LayoutView(timeout=None)
        view.add_item(container)
        view.stop()
        return view

    def _rooms(self) -> dict[int, int]:
        """Return the room of each list; what the short ones don't need goes to the long."""
        fixed = sum(
            block.length if isinstance(block, _Fixed) else length_of(block.head) + 1
            for block in self._blocks
        )
        left = TEXT_MAX - fixed
        needs = sorted(
            (sum(length_of(row) + 1 for row in block.rows), index)
            for index, block in enumerate(self._blocks)
            if isinstance(block, _Rows)
        )
        rooms: dict[int, int] = {}
        for position, (need, index) in enumerate(needs):
            rooms[index] = min(need, left // (len(needs) - position))
            left -= rooms[index]
        return rooms


def button(
    label: str,
    custom_id: str | CustomId,
    style: ButtonStyle = ButtonStyle.secondary,
    *,
    disabled: bool = False,
) -> ui.Button[Any]:
    """Return a button."""
    return ui.Button[Any](
        label=clipped(label, LABEL_MAX), custom_id=str(custom_id), style=style, disabled=disabled
    )


def link(label: str, url: str) -> ui.Button[Any]:
    """Return a button that leads to a page; ``url`` is always of our making."""
    return ui.Button[Any](label=clipped(label, LABEL_MAX), url=url)


def option(label: str, value: str, about: str = "", *, chosen: bool = False) -> SelectOption:
    """Return a choice of a select. Nothing in it is markdown, so nothing is escaped."""
    return SelectOption(
        label=clean_line(label, length_max=OPTION_MAX) or ELLIPSIS,
        value=value[:OPTION_MAX],
        description=clipped(about, OPTION_MAX) or None,
        default=chosen,
    )


def select(
    custom_id: str | CustomId,
    placeholder: str,
    options: Sequence[SelectOption],
    *,
    several: bool = False,
) -> Item:
    """Return a select of at most 25 choices, one of which is taken, or ``several``."""
    return ui.Select[Any](
        custom_id=str(custom_id),
        placeholder=clipped(placeholder, PLACEHOLDER_MAX),
        options=list(options[:OPTIONS_MAX]),
        # Phones can't take a choice back that was made beforehand unless one at least is wanted.
        min_values=1,
        max_values=min(len(options), OPTIONS_MAX) if several else 1,
    )


@dataclass(frozen=True, slots=True)
class Field:
    """An input of a modal."""

    name: str
    label: str
    about: str = ""
    value: str = ""
    example: str = ""
    required: bool = True
    long: bool = False
    length_max: int = 100


def modal(title: str, custom_id: str | CustomId, *fields: Field) -> ui.Modal:
    """Return a modal, stopped, so that discord.py stores nothing."""
    made = ui.Modal(title=clipped(title, 45), custom_id=str(custom_id), timeout=None)
    for field in fields:
        entry = ui.TextInput[Any](
            custom_id=field.name,
            style=TextStyle.paragraph if field.long else TextStyle.short,
            default=field.value[: field.length_max] or None,
            placeholder=field.example or None,
            required=field.required,
            max_length=field.length_max,
        )
        made.add_item(
            ui.Label[Any](
                text=clipped(field.label, 45),
                description=clipped(field.about, 100) or None,
                component=entry,
            )
        )
    made.stop()
    return made
