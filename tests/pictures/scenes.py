"""Which messages of the demo the README shows as pictures, and where those lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot.sandbox.discord import Message
from bot.sandbox.discord.components import Kind
from bot.sandbox.discord.drawing import name_of, spoken_time
from bot.ui import text
from tests.pictures.markdown import Reader
from tests.pictures.message import Said, picture

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs"
_CLOCK: Final = "Today at 20:00"


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture: of the last message that says ``words`` in a chapter of the demo.

    ``title`` is what is read to those who can't see it.
    """

    name: str
    chapter: str
    words: str
    title: str

    @property
    def path(self) -> Path:
        """Where the picture lies."""
        return FOLDER / f"{self.name}.svg"


SCENES: Final = (
    Scene(
        "basket",
        "Where should they go?",
        "Your basket: 5 of 10 skins",
        "Ana's basket: five skins with their prices, and what can be done with them",
    ),
    Scene(
        "approval",
        "Ana sends it",
        "Without a decision it expires",
        "The card on which moderators approve or deny Ana's request",
    ),
    Scene(
        "result",
        "The trades are there, and two are accepted",
        "3 of 5 skins bought",
        "The result: which skins were bought and delivered, which were not, and why",
    ),
    Scene(
        "trade",
        "The trades are there, and two are accepted",
        "3 trades wait for you in Steam",
        "The direct message to Ana: three trades wait in Steam, each with its link",
    ),
)


class Camera:
    """Watches the demo, and takes each picture when its message is shown."""

    def __init__(self) -> None:
        self.pictures: dict[str, str] = {}

    def watch(self, chapter: str, message: Message) -> None:
        """Take the pictures of a message that is shown in a chapter."""
        for scene in SCENES:
            if scene.chapter == chapter and scene.words in message.text:
                said = _said(message)
                self.pictures[scene.name] = picture(said, reader_of(message), scene.title)

    def taken(self) -> dict[str, str]:
        """Return all pictures, by name. Raises ``LookupError`` if the demo lacks one's message."""
        missing = [scene.name for scene in SCENES if scene.name not in self.pictures]
        if missing:
            raise LookupError(f"the demo shows no message for the pictures {missing}")
        return self.pictures


def reader_of(message: Message) -> Reader:
    """Return who knows the names and the time where a message stands."""
    now = message.channel.world.clock.now()
    return Reader(
        name=lambda sigil, snowflake: name_of(sigil, snowflake, message.channel),
        time=lambda at, style: spoken_time(at, style, now),
    )


def stored() -> dict[str, str]:
    """Return the pictures as they lie there, by name. Raises ``OSError`` if one is missing."""
    return {scene.name: scene.path.read_text(encoding="utf-8") for scene in SCENES}


def store(pictures: dict[str, str]) -> None:
    """Write pictures to where the README shows them."""
    FOLDER.mkdir(exist_ok=True)
    for scene in SCENES:
        scene.path.write_text(pictures[scene.name], encoding="utf-8")


def _said(message: Message) -> Said:
    channel = message.channel
    author = message.author.name
    return Said(
        author=author,
        place=f"@{author}" if channel.recipient is not None else f"#{channel.name}",
        clock=_CLOCK,
        content=_for_real(message.content),
        components=_all_for_real(message.components),
        private=message.ephemeral,
    )


def _for_real(words: str) -> str:
    """Leave out the line that says that it is a rehearsal, as the demo's output does."""
    return words.removesuffix(text.SANDBOX).removesuffix("\n")


def _all_for_real(components: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    left = []
    for raw in components:
        if raw["type"] == Kind.TEXT_DISPLAY and raw["content"] == text.SANDBOX:
            continue
        inner = {"components": _all_for_real(raw["components"])} if "components" in raw else {}
        left.append(raw | inner)
    return left
