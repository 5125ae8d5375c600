"""Interactions: what a person did, what the bot answered, and what the person saw of it.

Source: Discord's interactions/receiving-and-responding. The first answer must come within 3
seconds, else the token is dead; after it, the token lives for 15 minutes.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from bot.sandbox.discord.components import Field, Json, Kind, fields_of, walk
from bot.sandbox.discord.errors import Timeout
from bot.sandbox.discord.waiting import DEFAULT_TIMEOUT_S, Changes, Wanted, condition

if TYPE_CHECKING:
    from bot.sandbox.discord.messages import Message
    from bot.sandbox.discord.state import Channel, User

FIRST_ANSWER_S: Final = 3.0
TOKEN_LIFE_S: Final = 15 * 60
QUIET_S: Final = 1.0
"""How long a person waits for something to happen after a silent acknowledgement."""

AFTER_CHANGE_S: Final = 0.25
"""How long more, once the message has changed but nothing came for this person alone."""


class InteractionType(IntEnum):
    """What kind of action it was."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL_SUBMIT = 5


class Answer(IntEnum):
    """The types of a first answer."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


class Choice(NamedTuple):
    """One suggestion of an autocomplete."""

    name: str
    value: str | int | float


@dataclass(frozen=True, slots=True)
class Modal:
    """A modal that stands open on someone's screen."""

    custom_id: str
    title: str
    components: list[Json]
    interaction: Interaction

    @property
    def fields(self) -> list[Field]:
        """What can be filled in, in order."""
        return fields_of(self.components)

    @property
    def text(self) -> str:
        """The texts between the fields."""
        shown = [raw for raw in walk(self.components) if raw["type"] == Kind.TEXT_DISPLAY]
        return "\n".join(raw["content"] for raw in shown)

    def field(self, label: str) -> Field:
        """Return the field with this label."""
        for one in self.fields:
            if one.label == label:
                return one
        raise LookupError(f"no field {label!r}; there: {[one.label for one in self.fields]}")

    def render(self) -> str:
        """Draw the modal in plain text."""
        lines = [f"┌ {self.title}"]
        for component in self.components:
            if component["type"] == Kind.TEXT_DISPLAY:
                lines.append(f"│ {component['content']}")
                continue
            for one in fields_of([component]):
                lines.append(f"│ {one.label}")
                lines += [f"│   {one.description}"] if one.description else []
                hint = one.prefilled or one.raw.get("placeholder") or ""
                lines.append(f"│   [{hint or ' ' * 24}]")
        return "\n".join([*lines, "└ [Cancel] [Submit]"])


@dataclass(eq=False)
class Interaction:
    """One action of one person, from the moment Discord tells the bot.

    ``original`` is what ``@original`` means: the answer's message, or the message that was clicked.
    """

    id: int
    type: InteractionType
    user: User
    channel: Channel
    data: Json
    source: Message | None = None
    parent: Interaction | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    changes: Changes = field(default_factory=Changes)
    answer: Answer | None = None
    dead: bool = False
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    edited: list[Message] = field(default_factory=list)
    modal: Modal | None = None
    choices: list[Choice] = field(default_factory=list)
    latency: float | None = None
    sent_at: float = field(default_factory=time.perf_counter)
    created_at: float = 0.0
    versions_before: int = 0

    def __post_init__(self) -> None:
        self.created_at = self.channel.world.clock.now()
        self.versions_before = len(self.source.versions) if self.source is not None else 0

    @property
    def age_s(self) -> float:
        """How long ago this happened, on the stand-in's clock."""
        return self.channel.world.clock.now() - self.created_at

    @property
    def expired(self) -> bool:
        """Whether the token opens nothing any more."""
        return self.age_s > (FIRST_ANSWER_S if self.answer is None else TOKEN_LIFE_S)

    def acknowledge(self, answer: Answer) -> None:
        """Note the first answer."""
        self.answer = answer
        self.latency = time.perf_counter() - self.sent_at

    def belongs(self, message: Message) -> bool:
        """Tell whether this interaction's token may read and change a message."""
        return message in (self.original, self.source, *self.followups)

    async def settle(self, timeout: float) -> Reply:
        """Wait until the person has seen an answer, or that there is none."""
        await self.changes.until(lambda: self.answer is not None or self.expired, FIRST_ANSWER_S)
        if self.source is not None:
            self.source.watchers.append(self.changes)
        try:
            if self.answer is None:
                self.dead = True
            elif self.answer == Answer.DEFERRED_MESSAGE:
                await self._settle_thinking(timeout)
            elif self.answer == Answer.DEFERRED_UPDATE:
                await self._settle_silent()
        finally:
            if self.source is not None:
                self.source.watchers.remove(self.changes)
        return Reply(self)

    async def _settle_thinking(self, timeout: float) -> None:
        def done() -> bool:
            return self.original is None or self.original.deleted or not self.original.loading

        if not await self.changes.until(done, timeout):
            raise Timeout(f"{self.user.name} still sees “is thinking” after {timeout} s")

    async def _settle_silent(self) -> None:
        """Wait for what follows a silent acknowledgement, as long as a person would.

        The message may also change because of someone else's click, so an answer of one's own is
        waited for a little longer than that.
        """
        await self.changes.until(lambda: self._answered() or self._source_changed(), QUIET_S)
        if self._source_changed():
            await self.changes.until(self._answered, AFTER_CHANGE_S)

    def _answered(self) -> bool:
        return bool(self.followups or self.edited) or (
            self.source is not None and self.source.deleted
        )

    def _source_changed(self) -> bool:
        return self.source is not None and len(self.source.versions) > self.versions_before


class Reply:
    """What a person saw as the answer to one action. It goes on changing as the bot goes on."""

    def __init__(self, interaction: Interaction) -> None:
        self.interaction = interaction

    def __repr__(self) -> str:
        return f"<Reply {'failed' if self.failed else self.text[:80]!r}>"

    @property
    def failed(self) -> bool:
        """Whether nothing was answered in time: "This interaction failed"."""
        return self.interaction.answer is None

    @property
    def message(self) -> Message | None:
        """The message that answers: a new one if there is one, else the clicked one, if changed."""
        of = self.interaction
        if of.answer in (Answer.MESSAGE, Answer.DEFERRED_MESSAGE, Answer.UPDATE):
            return of.original
        if of.followups:
            return of.followups[0]
        changed = of.source is not None and len(of.source.versions) > of.versions_before
        return of.source if changed else None

    @property
    def ephemeral(self) -> bool:
        """Whether only this person sees the answer."""
        return self.message is not None and self.message.ephemeral

    @property
    def text(self) -> str:
        """All text of the answer as the person reads it; empty if there is none."""
        return "" if self.message is None else self.message.text

    @property
    def followups(self) -> list[Message]:
        """Further messages, in order."""
        return self.interaction.followups

    @property
    def modal(self) -> Modal | None:
        """The modal that opened, if the answer is one."""
        return self.interaction.modal

    @property
    def deferred(self) -> bool:
        """Whether the first answer only promised one."""
        return self.interaction.answer in (Answer.DEFERRED_MESSAGE, Answer.DEFERRED_UPDATE)

    @property
    def latency(self) -> float | None:
        """Seconds until the first answer; None if there was none."""
        return self.interaction.latency

    def render(self) -> str:
        """Draw what the person saw."""
        if self.failed:
            return "This interaction failed"
        if self.modal is not None:
            return self.modal.render()
        return "" if self.message is None else self.message.render()

    async def wait_for(self, wanted: Wanted, timeout: float = DEFAULT_TIMEOUT_S) -> Message:
        """Wait until the answer fits (a part of its text, or a condition), and return it."""
        fits = condition(wanted)

        def found() -> bool:
            return self.message is not None and fits(self.message)

        await self.interaction.channel.world.changes.until(found, timeout)
        if self.message is None or not fits(self.message):
            raise Timeout(f"waited {timeout} s for {wanted!r}; the answer is:\n{self.render()}")
        return self.message

    async def wait_for_followup(
        self, wanted: str = "", timeout: float = DEFAULT_TIMEOUT_S
    ) -> Message:
        """Wait for a followup with this text, and return it."""

        def found() -> Message | None:
            return next((each for each in self.followups if wanted in each.text), None)

        await self.interaction.changes.until(lambda: found() is not None, timeout)
        message = found()
        if message is None:
            there = "\n".join(each.render() for each in self.followups) or "none"
            raise Timeout(f"waited {timeout} s for a followup {wanted!r}; there: {there}")
        return message
