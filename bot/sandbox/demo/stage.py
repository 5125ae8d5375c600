"""What the story is printed with, and what stops it at the first thing that is not as expected.

No message is printed that was not looked at before: it is shown together with what it must say and
which buttons it must have.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from bot.sandbox.discord import Message
from bot.sandbox.discord.drawing import WIDTH, render

Watch = Callable[[str, Message], None]
"""Is told the chapter, and the message that is shown in it, as it stands at that moment."""

_INDENT: Final = "  "
_LINE: Final = "┃ ─"
_CUT: Final = "┃ …"
_REHEARSAL: Final = ("┃ 🧪 Sandbox", "🧪 Sandbox")
"""On a card, and on a plain message."""

_RELATIVE_TIME: Final = re.compile(r"<t:(-?[0-9]+):R>")
_CLOCK_TIME: Final = re.compile(r"<t:(-?[0-9]+):([tTdDfF])>")
_EVENING: Final = int(datetime(2026, 11, 20, 20, tzinfo=UTC).timestamp())
"""The time on every clock of the story: it is played faster than people act, and at any hour."""

_CLOCK_STEP_S: Final = 300
_MOMENT_S: Final = 45
_JUST_NOW_S: Final = 150
"""So long a slow machine may take for all of the story."""

_MINUTE_S: Final = 60


class UnexpectedError(Exception):
    """Something else happened than the story says."""

    def __init__(self, expected: str, seen: object) -> None:
        super().__init__(f"expected {expected}; seen: {seen}")
        self.expected = expected
        self.seen = str(seen)


class Stage:
    """Where the story is told. ``step`` is what happened last; ``watch`` sees every message."""

    def __init__(self, out: TextIO, *, watch: Watch | None = None) -> None:
        self.step = "the bot starts"
        self._out = out
        self._watch = watch
        self._chapter = ""
        self._chapters = 0
        self._after_act = False
        self._rehearsal_is_known = False

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapters += 1
        self._chapter = title
        self._print(f"━━ {self._chapters}. {title} ".ljust(WIDTH, "━"))

    def tell(self, words: str) -> None:
        """Say what a reader should know, in the words of the story."""
        self._print(textwrap.fill(words, WIDTH))

    def act(self, words: str, given: Mapping[str, str] | None = None) -> None:
        """Say what somebody does, and what they fill in."""
        self.step = words
        lines = textwrap.wrap(words, WIDTH, initial_indent="▸ ", subsequent_indent=_INDENT)
        for label, value in (given or {}).items():
            first, *others = value.split("\n")
            lines.append(f"{2 * _INDENT}{label}{' ' if label.endswith('?') else ': '}{first}")
            lines += [f"{2 * _INDENT}{' ' * len(label)}  {other}" for other in others]
        self._print("\n".join(lines), close=self._after_act)
        self._after_act = True

    def rows(self, rows: Sequence[str]) -> None:
        """Show what is no message."""
        self._print(textwrap.indent("\n".join(rows), _INDENT), close=self._after_act)

    def show(
        self, message: Message, *says: str, buttons: Sequence[str] = (), without: Sequence[str] = ()
    ) -> None:
        """Show a message as people see it now. Raises ``UnexpectedError``."""
        for part in says:
            self.expect(part in message.text, f"a message that says “{part}”", message.render())
        for part in without:
            self.expect(part not in message.text, f"a message without “{part}”", message.render())
        there = [button.label for button in message.buttons if not button.disabled]
        for label in buttons:
            self.expect(label in there, f"a button [{label}] to press", message.render())
        self.rows(self._drawn(message))

    def show_news(self, screen: Message, news: str, *says: str) -> None:
        """Show only what is new on a screen, above its line. Raises ``UnexpectedError``."""
        drawn = self._drawn(screen)
        line = next((number for number, row in enumerate(drawn) if row.startswith(_LINE)), 0)
        self.expect(
            line > 0 and news in screen.text.split("\n")[0],
            f"a screen that says “{news}” above its line",
            screen.render(),
        )
        for part in says:
            self.expect(part in screen.text, f"a screen that says “{part}”", screen.render())
        self.rows([*drawn[:line], _CUT])

    def expect(self, holds: bool, expected: str, seen: object) -> None:
        """Go on only if something holds. Raises ``UnexpectedError``."""
        if not holds:
            raise UnexpectedError(expected, seen)

    def fail(self, words: str) -> None:
        """Say, instead of the rest of the story, what went wrong."""
        self._print(words)

    def _drawn(self, message: Message) -> list[str]:
        """Draw a message; the line that stands on all of them is shown on the first only."""
        shown = calm(message)
        if self._watch is not None:
            self._watch(self._chapter, shown)
        head, *lines = render(shown).split("\n")
        place = next((n for n, line in enumerate(lines) if line.startswith(_REHEARSAL)), None)
        self.expect(place is not None, "a message that says it is a rehearsal", message.render())
        known = place if self._rehearsal_is_known else None
        left = [line for number, line in enumerate(lines) if number != known]
        self._rehearsal_is_known = True
        return [f"{head}{_place_of(message)}", *left]

    def _print(self, block: str, *, close: bool = False) -> None:
        """Print a block, after an empty line unless it stands close to the one before."""
        self._out.write(f"{block}\n" if close else f"\n{block}\n")
        self._out.flush()
        self._after_act = False


def draw(message: Message) -> str:
    """Draw a message so that it reads the same whenever, and however fast, it is played."""
    return render(calm(message))


def calm(message: Message) -> Message:
    """Return a message whose times, if read now, don't tell when and how fast it was played."""
    now = message.channel.world.clock.now()
    return replace(
        message,
        content=_without_haste(message.content, now),
        components=_without_haste(message.components, now),
    )


def _without_haste(part: Any, now: float) -> Any:
    """Return a part of a message whose times don't tell when and how fast it was played."""
    if isinstance(part, dict):
        return {name: _without_haste(value, now) for name, value in part.items()}
    if isinstance(part, list):
        return [_without_haste(value, now) for value in part]
    if isinstance(part, str):
        part = _CLOCK_TIME.sub(lambda found: _that_evening(int(found[1]), found[2], now), part)
        return _RELATIVE_TIME.sub(lambda found: _about(int(found[1]), now), part)
    return part


def _that_evening(at: int, style: str, now: float) -> str:
    """Return a time as if it were that evening now."""
    steps = round((at - now) / _CLOCK_STEP_S)
    return f"<t:{_EVENING + steps * _CLOCK_STEP_S}:{style}>"


def _about(at: int, now: float) -> str:
    distance = at - now
    if -_JUST_NOW_S < distance <= 0:
        return "a few seconds ago"
    if 0 < distance < _MOMENT_S:
        return "in a few seconds"
    minutes = round(distance / _MINUTE_S)
    # Drawing takes a moment too, so this leans away from now: a minute stays a minute.
    start = math.ceil(now) if distance > 0 else math.floor(now)
    return f"<t:{start + minutes * _MINUTE_S}:R>"


def _place_of(message: Message) -> str:
    """Return where a message stands, if its drawing doesn't say so."""
    if message.ephemeral:
        return ""
    recipient = message.channel.recipient
    if recipient is not None:
        return f"  (direct message to {recipient.name})"
    return f"  (in #{message.channel.name})"
