"""Messages: posting and editing them by Discord's rules, and reading them as a person does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from bot.sandbox.discord import drawing
from bot.sandbox.discord.components import Button, Json, Select, buttons_of, selects_of
from bot.sandbox.discord.errors import SandboxError, Timeout
from bot.sandbox.discord.events import Event
from bot.sandbox.discord.mentions import Mentions
from bot.sandbox.discord.permissions import Permission
from bot.sandbox.discord.waiting import DEFAULT_TIMEOUT_S, Changes, Wanted, condition

if TYPE_CHECKING:
    from bot.sandbox.discord.interactions import Interaction
    from bot.sandbox.discord.people import Person
    from bot.sandbox.discord.state import Channel, Member, User

T = TypeVar("T")

SUPPRESS_EMBEDS: Final = 1 << 2
EPHEMERAL: Final = 1 << 6
LOADING: Final = 1 << 7
SUPPRESS_NOTIFICATIONS: Final = 1 << 12
IS_COMPONENTS_V2: Final = 1 << 15

ORDINARY: Final = 0
SLASH_ANSWER: Final = 20


@dataclass(frozen=True, slots=True)
class Notification:
    """What rang someone's phone; the preview of a V2 message is empty (api-docs #7854)."""

    message: Message
    preview: str


@dataclass(frozen=True, slots=True)
class Version:
    """What a message showed for a while. ``components`` can be clicked later with ``as_of``."""

    content: str
    embeds: list[Json]
    components: list[Json]
    text: str
    at: datetime

    @property
    def buttons(self) -> list[Button]:
        """The buttons of this version."""
        return buttons_of(self.components)

    @property
    def selects(self) -> list[Select]:
        """The select menus of this version."""
        return selects_of(self.components)


@dataclass(eq=False)
class Message:
    """One message. ``text`` is what a person reads, ``source`` the markup that the bot sent."""

    channel: Channel
    author: User
    id: int
    created_at: datetime
    type: int = ORDINARY
    flags: int = 0
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    nonce: str | None = None
    interaction: Interaction | None = None
    ephemeral_for: User | None = None
    edited_at: datetime | None = None
    deleted: bool = False
    mentions: Mentions = field(default_factory=Mentions)
    """What the current text is parsed as mentioning; an edit changes it without telling anyone."""
    mentions_pinged: Mentions = field(default_factory=Mentions)
    """Whom this message really notified when it was posted."""
    versions: list[Version] = field(default_factory=list)
    watchers: list[Changes] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<Message {self.id} in {self.channel!r}: {self.text[:60]!r}>"

    @property
    def ephemeral(self) -> bool:
        """Whether only one person sees this message."""
        return self.ephemeral_for is not None

    @property
    def loading(self) -> bool:
        """Whether this is a "thinking" answer that has nothing to show yet."""
        return bool(self.flags & LOADING)

    @property
    def is_v2(self) -> bool:
        """Whether this is a Components V2 message."""
        return bool(self.flags & IS_COMPONENTS_V2)

    @property
    def source(self) -> str:
        """All text as the bot wrote it, with markup and mentions."""
        return "\n".join(drawing.texts_of(self.content, self.embeds, self.components))

    @property
    def text(self) -> str:
        """All text as a person reads it, in order; without buttons and selects."""
        return drawing.read(self.source, self.channel)

    @property
    def buttons(self) -> list[Button]:
        """The buttons, in reading order."""
        return buttons_of(self.components)

    @property
    def selects(self) -> list[Select]:
        """The select menus, in reading order."""
        return selects_of(self.components)

    @property
    def edits(self) -> list[Version]:
        """What each edit made of the message; ``versions`` also has what it was at first."""
        return self.versions[1:]

    def button(self, label: str) -> Button:
        """Return the button with this label, or the only one whose label begins with it."""
        return choose(self.buttons, label, lambda button: button.label, what="button", where=self)

    def render(self) -> str:
        """Draw the message as a person would see it, in plain text."""
        return drawing.render(self)

    def visible_to(self, person: Person) -> bool:
        """Tell whether a person sees this message now."""
        if self.deleted or self.channel.deleted:
            return False
        if self.ephemeral_for is not None:
            return self.ephemeral_for is person.user
        needed = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
        return needed in self.channel.permissions_of(person.user)

    def pinged(self, person: User | Member) -> bool:
        """Tell whether this message notified a person."""
        return any(told.message is self for told in person.user.notifications)

    async def wait_for(self, wanted: Wanted, timeout: float = DEFAULT_TIMEOUT_S) -> Message:
        """Wait until this message fits (a part of its text, or a condition), and return it."""
        fits = condition(wanted)
        if not await self.channel.world.changes.until(lambda: fits(self), timeout):
            shown = "it was deleted" if self.deleted else f"it shows:\n{self.render()}"
            raise Timeout(f"waited {timeout} s for {wanted!r} in a message; {shown}")
        return self

    async def wait_until_deleted(self, timeout: float = DEFAULT_TIMEOUT_S) -> None:
        """Wait until this message is gone."""
        if not await self.channel.world.changes.until(lambda: self.deleted, timeout):
            raise Timeout(f"waited {timeout} s for a message to be deleted; {self.render()}")

    def delete(self) -> None:
        """Delete this message, as a moderator or its author would."""
        self.deleted = True
        self.announce("MESSAGE_DELETE", {"id": str(self.id), "channel_id": str(self.channel.id)})

    def announce(self, event: str, data: Json) -> None:
        """Tell those who wait, and the bot."""
        guild = self.channel.guild
        if guild is not None:
            data = data | {"guild_id": str(guild.id)}
        for changes in [self.channel.world.changes, *self.watchers]:
            changes.announce()
        if self.ephemeral_for is None and (guild is None or guild.has_bot):
            hidden = data
            if "content" in data and self.author is not self.channel.world.bot and guild:
                hidden = data | {"content": "", "embeds": [], "components": [], "attachments": []}
            self.channel.world.tell(Event(event, data, guild.id if guild else None, hidden))

    def remember(self) -> None:
        """Keep what the message shows now as a version."""
        self.versions.append(
            Version(
                content=self.content,
                embeds=self.embeds,
                components=self.components,
                text=self.text,
                at=self.channel.world.clock.today(),
            )
        )


def choose(
    items: Sequence[T], wanted: str, label_of: Callable[[T], str], *, what: str, where: object
) -> T:
    """Return the item with this label, or the only one whose label begins with it."""
    exact = [item for item in items if label_of(item) == wanted]
    found = exact or [item for item in items if label_of(item).startswith(wanted)]
    if len(found) != 1:
        there = ", ".join(repr(label_of(item)) for item in items) or "none"
        problem = "more than one" if found else "no"
        raise SandboxError(f"{problem} {what} {wanted!r} in {where!r}; there: {there}")
    return found[0]
