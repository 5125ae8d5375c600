"""The people of the story: each does what a person does, says so, and gets what they see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.sandbox.demo.stage import Stage, UnexpectedError
from bot.sandbox.discord import Channel, Choice, Member, Message, Modal, Reply, Role, Version

WAIT_S: Final = 20.0
"""How long anything may take: far longer than it does, for machines that are busy."""


class Player:
    """Somebody in the story. Where nothing else is said they are in ``place``."""

    def __init__(self, stage: Stage, member: Member, place: Channel) -> None:
        self._stage = stage
        self._place = place
        self.member = member

    @property
    def name(self) -> str:
        """What everyone calls this person."""
        return self.member.name

    async def is_offered(self, command: str, option: str, typed: str) -> bool:
        """Say whether anything is suggested for an option, without a word in the story."""
        return bool(
            await self.member.autocomplete(
                command, option, typed, channel=self._place, timeout=WAIT_S
            )
        )

    async def searches(self, command: str, option: str, typed: str) -> list[Choice]:
        """Type into an option of a command and return what is suggested."""
        self._stage.act(f"{self.name} types /{command} {option}: {typed}")
        return await self.member.autocomplete(
            command, option, typed, channel=self._place, timeout=WAIT_S
        )

    async def types(self, command: str, **options: str | int) -> Message:
        """Use a slash command."""
        typed = [f"{name}: {value}" for name, value in options.items()]
        self._stage.act(" ".join([f"{self.name} types /{command}", *typed]))
        return _shown(
            await self.member.slash(command, channel=self._place, timeout=WAIT_S, given=options)
        )

    async def presses(
        self, message: Message, label: str, *, on_old: Version | None = None
    ) -> Message:
        """Press a button and return what it shows; ``on_old`` is a screen that is behind."""
        self._stage.act(f"{self.name} presses [{label}]")
        before = len(message.versions)
        reply = await self.member.click(message, label, as_of=on_old, timeout=WAIT_S)
        return await _answer(reply, message, before)

    async def opens(self, message: Message, label: str) -> Modal:
        """Press a button that opens a form."""
        self._stage.act(f"{self.name} presses [{label}]")
        reply = await self.member.click(message, label, timeout=WAIT_S)
        if reply.modal is None:
            raise UnexpectedError("a form to fill in", reply.render())
        return reply.modal

    async def fills_in(self, modal: Modal, given: Mapping[str, str]) -> Message:
        """Fill in a form and send it."""
        self._stage.act(f"{self.name} fills in “{modal.title}” and sends it", given)
        source = modal.interaction.source
        before = len(source.versions) if source is not None else 0
        reply = await self.member.submit(modal, given, timeout=WAIT_S)
        return await _answer(reply, source, before)

    async def chooses(
        self, message: Message, menu: str, value: Role | Channel | str, shown: str
    ) -> Message:
        """Choose a role, a channel or an option in a menu."""
        self._stage.act(f"{self.name} chooses {shown}")
        before = len(message.versions)
        reply = await self.member.select(message, menu, [value], timeout=WAIT_S)
        return await _answer(reply, message, before)


async def _answer(reply: Reply, source: Message | None, versions_before: int) -> Message:
    """Return what answers, also when the bot took longer than a person looks."""
    if reply.message is None and reply.modal is None and not reply.failed and source is not None:
        return await source.wait_for(lambda one: len(one.versions) > versions_before, WAIT_S)
    return _shown(reply)


def _shown(reply: Reply) -> Message:
    if reply.message is None:
        raise UnexpectedError("a message as the answer", reply.render() or "no answer")
    return reply.message
