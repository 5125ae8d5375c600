"""The basket as every cog shows it: read anew, at today's prices, with what limits leave."""

from __future__ import annotations

from collections.abc import Sequence

from discord import ui

from bot.domain.models import Actor, Pick
from bot.errors import Problem, UserFacingError
from bot.services.baskets import Shown
from bot.services.bundle import Services
from bot.ui import text
from bot.ui.cards.basket import Extra, basket_screen, page_with
from bot.ui.custom_ids import number_in
from bot.ui.guard import Click, FrameMaker


class BasketScreens:
    """Draws members' baskets."""

    def __init__(self, services: Services, frame: FrameMaker) -> None:
        self._baskets = services.baskets
        self._trade_urls = services.trade_urls
        self._frame = frame

    async def draw(
        self,
        actor: Actor,
        *,
        page: int = 0,
        showing: Pick | None = None,
        notice: str = "",
        rows: Sequence[str] = (),
        extra: Extra | None = None,
    ) -> ui.LayoutView:
        """Return the member's basket: a page of it, or the one that is ``showing`` a row.

        The others are as ``basket_screen`` has them. Raises ``UserFacingError`` if they may not
        ask.
        """
        seen = await self._baskets.look(actor)
        return basket_screen(
            seen.basket,
            self._frame(),
            settings=seen.guild,
            trade_url=await self._trade_urls.known(actor.user_id),
            page=page if showing is None else page_with(seen.basket, showing),
            notice=notice,
            rows=rows,
            left=seen.left,
            prices=seen.prices,
            extra=extra,
        )

    async def with_problem(
        self, actor: Actor, error: UserFacingError, *, page: int = 0, extra: Extra | None = None
    ) -> ui.LayoutView:
        """Return the basket as it is, with what went wrong above it."""
        words = text.explain(error, self._frame())
        return await self.draw(actor, page=page, notice=words, extra=extra)


def shown_by(click: Click) -> Shown:
    """Return which basket the clicked screen showed, and how far it had come."""
    return Shown(click.custom_id.subject, number_in(click.custom_id.stamp))


def chosen_in(click: Click) -> tuple[str, ...]:
    """Return what was chosen in a menu. Raises ``UserFacingError`` (OUT_OF_DATE) for nothing."""
    if not click.values:
        raise UserFacingError(Problem.OUT_OF_DATE)
    return click.values
