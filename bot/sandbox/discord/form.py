"""Collecting what is wrong with a payload, in the shape of Discord's errors tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.sandbox.discord.errors import ApiError, Code

Path = tuple[str | int, ...]


class Form:
    """A payload under examination. ``finish`` refuses it if anything was found."""

    def __init__(self) -> None:
        self._errors: dict[str, Any] = {}

    def wrong(self, path: Path, code: str, message: str) -> None:
        """Note that something is wrong at a place of the payload."""
        node = self._errors
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def length(
        self, path: Path, text: object, most: int, *, least: int = 0, required: bool = False
    ) -> None:
        """Check that a text, if there is one, has between ``least`` and ``most`` characters."""
        if text is None:
            if required:
                self.wrong(path, "BASE_TYPE_REQUIRED", "This field is required")
            return
        if not isinstance(text, str):
            self.wrong(path, "STRING_TYPE_CONVERT", f'Could not interpret "{text}" as string.')
        elif not least <= len(text) <= most:
            message = f"Must be between {least} and {most} in length, not {len(text)}."
            self.wrong(path, "BASE_TYPE_BAD_LENGTH", message)

    def count(self, path: Path, items: Sequence[object], most: int, *, least: int = 0) -> None:
        """Check the number of items of a list."""
        if not least <= len(items) <= most:
            message = f"Must be between {least} and {most} in length, not {len(items)}."
            self.wrong(path, "BASE_TYPE_BAD_LENGTH", message)

    def between(self, path: Path, number: object, least: float, most: float) -> None:
        """Check that a number, if there is one, is in a range."""
        if number is not None and not (isinstance(number, int | float) and least <= number <= most):
            message = f"int value should be between {least} and {most}, not {number}."
            self.wrong(path, "NUMBER_TYPE_RANGE", message)

    def unique(self, path: Path, values: Sequence[object], what: str) -> None:
        """Check that nothing stands twice in a list."""
        twice = sorted({str(value) for value in values if values.count(value) > 1})
        if twice:
            self.wrong(path, "SET_TYPE_ALREADY_CONTAINS_VALUE", f"{what} duplicated: {twice}")

    def finish(self) -> None:
        """Raise the error that Discord would answer with, if anything is wrong."""
        if self._errors:
            raise ApiError(400, Code.INVALID_FORM, errors=self._errors)
