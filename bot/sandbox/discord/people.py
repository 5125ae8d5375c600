"""What people do: type commands, click, choose, fill in modals, write.

The methods do what Discord's client would do for this person, and return what the person saw. What
a client would refuse is a ``SandboxError``; nothing is sent to the bot then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bot.sandbox.discord import payloads, posting
from bot.sandbox.discord.choosing import modal_data, select_values
from bot.sandbox.discord.commands import OptionType, fill_in, find_command
from bot.sandbox.discord.components import Button, Json, Select, buttons_of, selects_of
from bot.sandbox.discord.errors import SandboxError
from bot.sandbox.discord.events import Event
from bot.sandbox.discord.interactions import (
    Choice,
    Interaction,
    InteractionType,
    Modal,
    Reply,
)
from bot.sandbox.discord.messages import Message, Version, choose
from bot.sandbox.discord.permissions import Permission
from bot.sandbox.discord.waiting import DEFAULT_TIMEOUT_S

if TYPE_CHECKING:
    from bot.sandbox.discord.state import Channel, Guild, User, World


class Person:
    """Someone who acts: a ``User`` in direct messages, a ``Member`` in a guild."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def home(self) -> Guild | None:
        """The guild in which this person acts; None for direct messages."""
        return None

    @property
    def user(self) -> User:
        """The account."""
        raise NotImplementedError

    async def slash(
        self,
        command: str,
        /,
        *,
        channel: Channel | None = None,
        timeout: float = DEFAULT_TIMEOUT_S,
        given: Mapping[str, object] | None = None,
        **options: object,
    ) -> Reply:
        """Use a slash command, for example ``slash("request", channel=hall, quantity=2)``.

        Options whose names are taken here (``channel``, ``timeout``) go into ``given``.
        """
        place = self._place(channel)
        typed = find_command(command, self.user, place)
        filled, resolved = fill_in(typed, {**(given or {}), **options}, place)
        data = typed.data(filled, resolved, place.guild)
        return await self._act(InteractionType.COMMAND, place, data).settle(timeout)

    async def autocomplete(
        self,
        command: str,
        option: str,
        text: str,
        /,
        *,
        channel: Channel | None = None,
        timeout: float = DEFAULT_TIMEOUT_S,
        **others: object,
    ) -> list[Choice]:
        """Type into an option, and return what is suggested; nothing if the bot is too slow."""
        place = self._place(channel)
        typed = find_command(command, self.user, place)
        focused = typed.options.get(option)
        if focused is None or not focused.get("autocomplete"):
            raise SandboxError(f"/{command}: {option!r} suggests nothing")
        options: list[Json] = [
            {"name": option, "type": focused["type"], "value": text, "focused": True}
        ]
        for name, value in others.items():
            kind = typed.options[name]["type"]
            shown = str(value) if kind >= OptionType.USER else value
            options.append({"name": name, "type": kind, "value": shown})
        data = typed.data(options, {}, place.guild)
        interaction = self._act(InteractionType.AUTOCOMPLETE, place, data)
        await interaction.settle(timeout)
        return interaction.choices

    async def click(
        self,
        message: Message | None,
        label: str | None = None,
        *,
        custom_id: str | None = None,
        as_of: Version | None = None,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> Reply:
        """Press a button, by its label (or the beginning of it) or by its custom id.

        ``as_of`` presses what an older version showed, as someone does whose screen is behind.
        """
        message = self._seen(message)
        there = buttons_of(as_of.components if as_of is not None else message.components)
        button = _wanted_button(there, label, custom_id, message)
        if button.disabled:
            raise SandboxError(f"the button {button.label!r} is disabled")
        if button.custom_id is None:
            raise SandboxError(f"the button {button.label!r} opens {button.url}, it tells no bot")
        data = {"component_type": 2, "custom_id": button.custom_id, "id": button.raw["id"]}
        interaction = self._act(InteractionType.COMPONENT, message.channel, data, source=message)
        return await interaction.settle(timeout)

    async def select(
        self,
        message: Message | None,
        menu: str,
        values: Sequence[object],
        *,
        as_of: Version | None = None,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> Reply:
        """Choose in a select menu, named by its placeholder or the beginning of its custom id.

        ``values`` are labels or values of options, or the roles, channels or members to choose.
        """
        message = self._seen(message)
        there = selects_of(as_of.components if as_of is not None else message.components)
        select = _wanted_select(there, menu, message)
        if select.disabled:
            raise SandboxError(f"the menu {menu!r} is disabled")
        chosen, resolved = select_values(select, values, message.channel)
        data: Json = {
            "component_type": select.kind.value,
            "custom_id": select.custom_id,
            "id": select.raw["id"],
            "values": chosen,
        }
        if resolved:
            data["resolved"] = resolved
        interaction = self._act(InteractionType.COMPONENT, message.channel, data, source=message)
        return await interaction.settle(timeout)

    async def submit(
        self,
        modal: Modal | None,
        given: Mapping[str, object] | None = None,
        /,
        *,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> Reply:
        """Submit a modal; fields are named by their label and keep their value if not named."""
        if modal is None:
            raise SandboxError("no modal is open")
        opened_by = modal.interaction
        if opened_by.user is not self.user:
            raise SandboxError(f"the modal is open on {opened_by.user.name}'s screen")
        data = modal_data(modal, given or {})
        interaction = self._act(
            InteractionType.MODAL_SUBMIT,
            opened_by.channel,
            data,
            source=opened_by.source,
            parent=opened_by,
        )
        return await interaction.settle(timeout)

    def say(self, text: str, *, channel: Channel | None = None) -> Message:
        """Write a message."""
        place = self._place(channel)
        if Permission.SEND_MESSAGES not in place.permissions_of(self.user):
            raise SandboxError(f"{self.user.name} cannot write in #{place.name}")
        return posting.say(place, self.user, text)

    def _place(self, channel: Channel | None) -> Channel:
        """Return the channel to act in: the first one this person sees, unless named."""
        if channel is None:
            if self.home is None:
                return self.user.dm_channel
            for each in self.home.channels:
                if Permission.VIEW_CHANNEL in each.permissions_of(self.user):
                    return each
            raise SandboxError(f"{self.user.name} sees no channel")
        if Permission.VIEW_CHANNEL not in channel.permissions_of(self.user):
            raise SandboxError(f"{self.user.name} does not see #{channel.name}")
        return channel

    def _seen(self, message: Message | None) -> Message:
        """Return a message that this person sees; an answer may have brought none."""
        if message is None:
            raise SandboxError("there is no message")
        if not message.visible_to(self):
            raise SandboxError(f"{self.user.name} does not see {message!r}")
        return message

    def _act(
        self,
        kind: InteractionType,
        channel: Channel,
        data: dict[str, Any],
        *,
        source: Message | None = None,
        parent: Interaction | None = None,
    ) -> Interaction:
        """Tell the bot what this person did."""
        interaction = Interaction(
            id=self.world.clock.snowflake(),
            type=kind,
            user=self.user,
            channel=channel,
            data=data,
            source=source,
            parent=parent,
        )
        self.world.interactions[interaction.token] = interaction
        guild_id = channel.guild.id if channel.guild is not None else None
        event = Event("INTERACTION_CREATE", payloads.interaction(interaction), guild_id)
        self.world.tell(event)
        return interaction


def _wanted_button(
    there: list[Button], label: str | None, custom_id: str | None, message: Message
) -> Button:
    if custom_id is not None:
        return choose(
            [button for button in there if button.custom_id is not None],
            custom_id,
            lambda button: button.custom_id or "",
            what="custom id",
            where=message,
        )
    if label is None:
        raise SandboxError("name a button by its label or custom_id")
    return choose(there, label, lambda button: button.label, what="button", where=message)


def _wanted_select(there: list[Select], menu: str, message: Message) -> Select:
    by_placeholder = [select for select in there if select.placeholder.startswith(menu)]
    if by_placeholder:
        return choose(by_placeholder, menu, lambda one: one.placeholder, what="menu", where=message)
    return choose(there, menu, lambda one: one.custom_id, what="menu", where=message)
