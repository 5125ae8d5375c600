"""Discord's rules about what a bot may send, where its OpenAPI document is silent or too lax.

Each check raises the ``ApiError`` (400, code 50035 with an errors tree) that Discord answers with.
Sources: resources/message, interactions/receiving-and-responding and components/reference of
Discord's documentation.
"""

from __future__ import annotations

from typing import Any, Final

from bot.sandbox.discord.errors import ApiError, Code
from bot.sandbox.discord.form import Form, Path
from bot.sandbox.discord.interactions import Answer, Interaction, InteractionType
from bot.sandbox.discord.messages import EPHEMERAL, IS_COMPONENTS_V2, Message
from bot.sandbox.discord.posting import Draft, Upload
from bot.sandbox.discord.rules_commands import check_choice, check_commands
from bot.sandbox.discord.rules_components import check_message_components, check_modal

CONTENT_MAX: Final = 2000
EMBEDS_MAX: Final = 10
EMBEDS_TEXT_MAX: Final = 6000
EMBED_FIELDS_MAX: Final = 25
MENTIONS_MAX: Final = 100
NONCE_MAX: Final = 25
SUGGESTIONS_MAX: Final = 25
PAGE_MAX: Final = 100
FILES_MAX: Final = 10

Json = dict[str, Any]

_EMBED_TEXTS: Final = (
    (("title",), 256),
    (("description",), 4096),
    (("footer", "text"), 2048),
    (("author", "name"), 256),
)
_FILLERS: Final = ("content", "embeds", "components", "attachments", "sticker_ids", "poll")


class Rules:
    """The checks, or nothing at all when they are switched off for a benchmark."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled

    def check_commands(self, commands: list[Json]) -> None:
        """Check commands that are registered together."""
        if self._enabled:
            form = Form()
            check_commands(form, commands)
            form.finish()

    def check_page(self, limit: int) -> None:
        """Check how many messages are asked for."""
        if self._enabled:
            form = Form()
            form.between(("limit",), limit, 1, PAGE_MAX)
            form.finish()

    def check_new_message(self, draft: Draft) -> None:
        """Check a message that is posted."""
        if self._enabled:
            _check_message(draft.body, draft, current=None)

    def check_edit(self, draft: Draft, message: Message) -> None:
        """Check an edit: what counts is what the message becomes."""
        if self._enabled:
            _check_message(draft.body, draft, current=message)

    def check_callback(self, body: object, uploads: list[Upload], interaction: Interaction) -> None:
        """Check a first answer: its type must fit the interaction, its data the type."""
        if not self._enabled:
            return
        form = Form()
        sent = body if isinstance(body, dict) else {}
        kind = sent.get("type", 0)
        if kind not in set(Answer) or not _fits(Answer(kind), interaction):
            message = f"type {kind} does not answer {interaction.type.name.lower()}"
            form.wrong(("type",), "INTERACTION_CALLBACK_TYPE_INVALID", message)
            form.finish()
        _check_answer(Answer(kind), Draft(sent.get("data") or {}, uploads), interaction)


def _fits(answer: Answer, interaction: Interaction) -> bool:
    match answer:
        case Answer.CHOICES:
            return interaction.type == InteractionType.AUTOCOMPLETE
        case Answer.UPDATE | Answer.DEFERRED_UPDATE:
            return interaction.source is not None
        case Answer.MODAL:
            return interaction.type in (InteractionType.COMMAND, InteractionType.COMPONENT)
        case _:
            return interaction.type != InteractionType.AUTOCOMPLETE


def _check_answer(answer: Answer, draft: Draft, interaction: Interaction) -> None:
    form = Form()
    match answer:
        case Answer.MESSAGE:
            _check_message(draft.body, draft, current=None)
        case Answer.UPDATE:
            _check_message(draft.body, draft, current=interaction.source)
        case Answer.DEFERRED_MESSAGE:
            if (draft.body.get("flags") or 0) & ~EPHEMERAL:
                message = "a deferred answer may only be ephemeral"
                form.wrong(("data", "flags"), "MESSAGE_FLAGS_INVALID", message)
        case Answer.CHOICES:
            choices = draft.body.get("choices") or []
            form.count(("data", "choices"), choices, SUGGESTIONS_MAX)
            for index, choice in enumerate(choices):
                check_choice(form, ("data", "choices", index), choice)
        case Answer.MODAL:
            check_modal(form, draft.body)
        case Answer.DEFERRED_UPDATE:
            pass
    form.finish()


def _check_message(body: object, draft: Draft, *, current: Message | None) -> None:
    if not isinstance(body, dict):
        raise ApiError(400, Code.EMPTY_MESSAGE)
    form = Form()
    flags = (body.get("flags") or 0) | (current.flags if current is not None else 0)
    v2 = bool(flags & IS_COMPONENTS_V2)
    form.length(("content",), body.get("content"), CONTENT_MAX)
    _check_embeds(form, body.get("embeds") or [])
    _check_allowed_mentions(form, body.get("allowed_mentions"))
    nonce = body.get("nonce")
    form.length(("nonce",), None if nonce is None else str(nonce), NONCE_MAX)
    form.count(("attachments",), draft.uploads, FILES_MAX)
    if body.get("components") is not None:
        check_message_components(form, body["components"], v2=v2)
    shown = _after(body, draft, current)
    if v2:
        for key in ("content", "embeds", "sticker_ids", "poll"):
            if shown[key]:
                message = f"{key} cannot be used with IS_COMPONENTS_V2"
                form.wrong((key,), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message)
    form.finish()
    if not any(shown.values()):
        raise ApiError(400, Code.EMPTY_MESSAGE)


def _after(body: Json, draft: Draft, current: Message | None) -> Json:
    """Return what the message would show: what the body names, else what is there already."""
    shown = {key: body[key] if key in body else getattr(current, key, None) for key in _FILLERS}
    if isinstance(shown["content"], str):
        shown["content"] = shown["content"].strip()
    shown["attachments"] = shown["attachments"] or draft.uploads
    return shown


def _check_embeds(form: Form, embeds: list[Json]) -> None:
    form.count(("embeds",), embeds, EMBEDS_MAX)
    total = 0
    for index, embed in enumerate(embeds):
        total += _check_embed(form, ("embeds", index), embed)
    if total > EMBEDS_TEXT_MAX:
        message = f"Embed size {total} exceeds maximum size of {EMBEDS_TEXT_MAX}"
        form.wrong(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", message)


def _check_embed(form: Form, path: Path, embed: Json) -> int:
    """Check one embed, and return how many characters it shows."""
    total = 0
    for keys, most in _EMBED_TEXTS:
        text: Any = embed
        for key in keys:
            text = (text or {}).get(key)
        form.length((*path, *keys), text, most)
        total += len(text or "")
    fields = embed.get("fields") or []
    form.count((*path, "fields"), fields, EMBED_FIELDS_MAX)
    for index, one in enumerate(fields):
        for key, most in (("name", 256), ("value", 1024)):
            text = one.get(key)
            place = (*path, "fields", index, key)
            form.length(place, text.strip() if text else text, most, least=1, required=True)
            total += len(text or "")
    if not total and not embed.get("image") and not embed.get("thumbnail"):
        form.wrong(path, "BASE_TYPE_REQUIRED", "an embed shows something")
    return total


def _check_allowed_mentions(form: Form, allowed: Json | None) -> None:
    """Check that nothing is both parsed and listed, and that the lists are short."""
    if allowed is None:
        return
    path: Path = ("allowed_mentions",)
    parse = allowed.get("parse") or []
    unknown = set(parse) - {"users", "roles", "everyone"}
    if unknown:
        form.wrong((*path, "parse"), "BASE_TYPE_CHOICES", f"unknown: {sorted(unknown)}")
    for key in ("users", "roles"):
        listed = allowed.get(key) or []
        form.count((*path, key), listed, MENTIONS_MAX)
        if listed and key in parse:
            message = f'parse:["{key}"] and {key}: [ids...] are mutually exclusive.'
            form.wrong(path, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
