"""Messages of plain text with buttons: of these only, a phone shows what they say when it rings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from discord import ui


@dataclass(frozen=True, slots=True)
class Classic:
    """A text of at most 2,000 characters, and at most 25 buttons in the order given."""

    content: str
    buttons: tuple[ui.Button[Any], ...] = ()

    def view(self, mark: int) -> ui.View:
        """Return the buttons, stopped, so that discord.py stores nothing.

        The first one's id is ``mark``: it finds the message again after a crash.
        """
        view = ui.View(timeout=None)
        for place, button in enumerate(self.buttons):
            if place == 0:
                button.id = mark
            view.add_item(button)
        view.stop()
        return view
