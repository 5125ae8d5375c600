"""Routes of interactions: the first answer, and what the token opens after it.

Source: Discord's interactions/receiving-and-responding. After 3 seconds without an answer the token
is dead (10062); after 15 minutes it is worth nothing (50027).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot.sandbox.discord import payloads, posting
from bot.sandbox.discord.components import complete
from bot.sandbox.discord.errors import ApiError, Code
from bot.sandbox.discord.interactions import (
    Answer,
    Choice,
    Interaction,
    Modal,
)
from bot.sandbox.discord.messages import EPHEMERAL
from bot.sandbox.discord.rest import Call, Json, Route

if TYPE_CHECKING:
    from bot.sandbox.discord.messages import Message
    from bot.sandbox.discord.posting import Draft
    from bot.sandbox.discord.rules import Rules
    from bot.sandbox.discord.state import World

_WITH_MESSAGE: Final = frozenset({Answer.MESSAGE, Answer.UPDATE})


class InteractionRoutes:
    """What the bot answers to what people do."""

    def __init__(self, world: World, rules: Rules) -> None:
        self._world = world
        self._rules = rules

    def routes(self) -> list[Route]:
        """Return these routes. The token in the path is all they need."""
        webhook = "/webhooks/{webhook_id}/{webhook_token}"
        original = webhook + "/messages/@original"
        one = webhook + "/messages/{message_id}"
        callback = "/interactions/{interaction_id}/{interaction_token}/callback"
        return [
            Route("POST", callback, self._callback, needs_token=False),
            Route("POST", webhook, self._follow_up, needs_token=False),
            Route("GET", original, self._get_original, needs_token=False),
            Route("PATCH", original, self._edit_original, needs_token=False),
            Route("DELETE", original, self._delete_original, needs_token=False),
            Route("GET", one, self._get_message, needs_token=False),
            Route("PATCH", one, self._edit_message, needs_token=False),
            Route("DELETE", one, self._delete_message, needs_token=False),
        ]

    def _callback(self, call: Call) -> Json | None:
        interaction = self._world.interactions.get(call.ids["interaction_token"])
        if interaction is None or interaction.id != call.id("interaction_id"):
            raise ApiError(404, Code.UNKNOWN_INTERACTION)
        if interaction.answer is not None:
            raise ApiError(400, Code.ALREADY_ACKNOWLEDGED)
        if interaction.dead or interaction.expired:
            raise ApiError(404, Code.UNKNOWN_INTERACTION)
        self._rules.check_callback(call.body, call.uploads, interaction)
        answer = Answer(call.body["type"])
        draft = call.draft(call.body.get("data") or {})
        self._answer(interaction, answer, draft)
        interaction.acknowledge(answer)
        interaction.changes.announce()
        if call.query.get("with_response") not in ("1", "true"):
            return None
        return self._callback_response(interaction)

    def _answer(self, interaction: Interaction, answer: Answer, draft: Draft) -> None:
        ephemeral = bool((draft.body.get("flags") or 0) & EPHEMERAL)
        channel = interaction.channel
        match answer:
            case Answer.MESSAGE:
                interaction.original = posting.post(
                    channel, draft, interaction=interaction, ephemeral=ephemeral
                )
            case Answer.DEFERRED_MESSAGE:
                interaction.original = posting.post_loading(
                    channel, interaction, ephemeral=ephemeral
                )
            case Answer.DEFERRED_UPDATE:
                interaction.original = interaction.source
            case Answer.UPDATE if interaction.source is not None:
                interaction.original = interaction.source
                posting.edit(interaction.source, draft)
            case Answer.CHOICES:
                offered = draft.body.get("choices") or []
                interaction.choices = [Choice(each["name"], each["value"]) for each in offered]
            case Answer.MODAL:
                interaction.modal = Modal(
                    custom_id=draft.body["custom_id"],
                    title=draft.body["title"],
                    components=complete(draft.body["components"], {}, 0),
                    interaction=interaction,
                )

    def _callback_response(self, interaction: Interaction) -> Json:
        """Return what ``with_response`` asks for; there is a resource only if there is content."""
        told: Json = {"id": str(interaction.id), "type": interaction.type.value}
        told["channel_id"] = str(interaction.channel.id)
        if interaction.channel.guild is not None:
            told["guild_id"] = str(interaction.channel.guild.id)
        message = interaction.original
        if message is not None:
            told |= {
                "response_message_id": str(message.id),
                "response_message_loading": message.loading,
                "response_message_ephemeral": message.ephemeral,
            }
        body: Json = {"interaction": told}
        if message is not None and interaction.answer in _WITH_MESSAGE:
            resource = {"type": interaction.answer, "message": payloads.message(message)}
            body["resource"] = resource
        return body

    def _interaction(self, call: Call) -> Interaction:
        """Return the answered interaction whose token this is."""
        interaction = self._world.interactions.get(call.ids["webhook_token"])
        if interaction is None or call.id("webhook_id") != self._world.bot.id:
            raise ApiError(404, Code.UNKNOWN_WEBHOOK)
        if interaction.answer is None:
            raise ApiError(404, Code.UNKNOWN_WEBHOOK)
        if interaction.expired:
            raise ApiError(401, Code.INVALID_TOKEN)
        return interaction

    def _follow_up(self, call: Call) -> Json:
        """Post a followup; the first one after a "thinking" answer takes its place."""
        interaction = self._interaction(call)
        draft = call.draft()
        self._rules.check_new_message(draft)
        thinking = interaction.original
        if thinking is not None and thinking.loading and not thinking.deleted:
            return self._edit(interaction, thinking, draft)
        ephemeral = bool((draft.body.get("flags") or 0) & EPHEMERAL)
        message = posting.post(
            interaction.channel, draft, interaction=interaction, ephemeral=ephemeral
        )
        interaction.followups.append(message)
        interaction.changes.announce()
        return payloads.message(message)

    def _original(self, interaction: Interaction) -> Message:
        if interaction.original is None or interaction.original.deleted:
            raise ApiError(404, Code.UNKNOWN_MESSAGE)
        return interaction.original

    def _message(self, interaction: Interaction, call: Call) -> Message:
        message = self._world.messages.get(call.id("message_id"))
        if message is None or message.deleted or not interaction.belongs(message):
            raise ApiError(404, Code.UNKNOWN_MESSAGE)
        return message

    def _get_original(self, call: Call) -> Json:
        return payloads.message(self._original(self._interaction(call)))

    def _get_message(self, call: Call) -> Json:
        return payloads.message(self._message(self._interaction(call), call))

    def _edit_original(self, call: Call) -> Json:
        interaction = self._interaction(call)
        return self._checked_edit(interaction, self._original(interaction), call.draft())

    def _edit_message(self, call: Call) -> Json:
        interaction = self._interaction(call)
        return self._checked_edit(interaction, self._message(interaction, call), call.draft())

    def _checked_edit(self, interaction: Interaction, message: Message, draft: Draft) -> Json:
        self._rules.check_edit(draft, message)
        return self._edit(interaction, message, draft)

    def _edit(self, interaction: Interaction, message: Message, draft: Draft) -> Json:
        posting.edit(message, draft, completes=message.loading)
        interaction.edited.append(message)
        interaction.changes.announce()
        return payloads.message(message)

    def _delete_original(self, call: Call) -> None:
        interaction = self._interaction(call)
        self._delete(interaction, self._original(interaction))

    def _delete_message(self, call: Call) -> None:
        interaction = self._interaction(call)
        self._delete(interaction, self._message(interaction, call))

    def _delete(self, interaction: Interaction, message: Message) -> None:
        message.delete()
        interaction.changes.announce()
