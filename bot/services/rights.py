"""Who may do what with a request: asked inside the transaction that does it."""

from __future__ import annotations

from bot.domain.models import Actor, GuildSettings, Request, RequestView
from bot.errors import Problem, UserFacingError
from bot.services.guilds import Guilds
from bot.store import requests, settings, trade_urls
from bot.store.database import Transaction


async def require_approver(
    tx: Transaction, guilds: Guilds, actor: Actor, request_id: str
) -> tuple[RequestView, GuildSettings]:
    """Return the request that a moderator acts on, and their server's settings.

    Raises ``UserFacingError`` (NOT_APPROVER, NO_SUCH_REQUEST, and if the server may not spend).
    """
    guild_id = guilds.require_allowed(actor)
    guild = await settings.get_guild(tx, guild_id)
    if not _may_approve(actor, guild):
        raise UserFacingError(Problem.NOT_APPROVER, role_id=str(guild.approver_role_id or 0))
    return await _here(tx, guild_id, request_id), guild


async def require_moderator(tx: Transaction, guilds: Guilds, actor: Actor) -> GuildSettings:
    """Return the settings of the server whose requests a moderator looks at.

    Raises ``UserFacingError`` (NOT_MODERATOR, and if the server may not spend).
    """
    guild = await settings.get_guild(tx, guilds.require_allowed(actor))
    if not _may_approve(actor, guild):
        raise UserFacingError(Problem.NOT_MODERATOR, role_id=str(guild.approver_role_id or 0))
    return guild


def _may_approve(actor: Actor, guild: GuildSettings) -> bool:
    return guild.approver_role_id is not None and guild.approver_role_id in actor.role_ids


async def require_administrator(
    tx: Transaction, guilds: Guilds, actor: Actor, request_id: str, *, operator: bool
) -> RequestView:
    """Return the request that an administrator, or the operator of the bot, acts on.

    Raises ``UserFacingError`` (NOT_ADMINISTRATOR, NO_SUCH_REQUEST, and if the server may not
    spend).
    """
    guild_id = guilds.require_allowed(actor)
    if not (actor.administrator or operator):
        raise UserFacingError(Problem.NOT_ADMINISTRATOR)
    return await _here(tx, guild_id, request_id)


async def _here(tx: Transaction, guild_id: int, request_id: str) -> RequestView:
    view = await requests.get(tx, request_id)
    # A card that was forwarded or rebuilt elsewhere decides nothing there.
    if view is None or view.request.guild_id != guild_id:
        raise UserFacingError(Problem.NO_SUCH_REQUEST)
    return view


async def own_request(tx: Transaction, actor: Actor, request_id: str) -> RequestView:
    """Return the request of a member's own that they act on; also from a DM.

    Raises ``UserFacingError`` (NOT_YOURS).
    """
    view = await requests.get(tx, request_id)
    if view is None or view.request.user_id != actor.user_id:
        raise UserFacingError(Problem.NOT_YOURS)
    if actor.guild_id not in (None, view.request.guild_id):
        raise UserFacingError(Problem.NOT_YOURS)
    return view


async def require_disinterested(tx: Transaction, actor: Actor, request: Request) -> None:
    """Make sure that a request is not one's own and does not go to one's own Steam account.

    Raises ``UserFacingError`` (OWN_REQUEST, OWN_STEAM_ACCOUNT).
    """
    if actor.user_id == request.user_id:
        raise UserFacingError(Problem.OWN_REQUEST)
    # Forgetting one's Trade URL for a moment makes the account nobody else's.
    if await trade_urls.ever_theirs(tx, actor.user_id, request.partner or 0):
        raise UserFacingError(Problem.OWN_STEAM_ACCOUNT)
