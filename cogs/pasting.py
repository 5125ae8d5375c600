"""For members: a list that is pasted into the basket, and what is left of it."""

from __future__ import annotations

from collections.abc import Awaitable

from discord import ui
from discord.ext import commands

from bot.app import Quartermaster
from bot.domain.models import Actor
from bot.domain.money import CEILING_MAX, CENT, Micros
from bot.errors import Problem, UserFacingError
from bot.services.pasting import PAGE
from bot.ui import text
from bot.ui.basket_screens import BasketScreens, chosen_in, shown_by
from bot.ui.cards.paste import (
    LEAVE_OUT,
    paste_fix_modal,
    paste_leave_question,
    paste_modal,
    paste_screen,
)
from bot.ui.custom_ids import Space
from bot.ui.guard import Click


class PastingCog(commands.Cog):
    """The forms for a list, and the screen of the lines that are not in the basket yet."""

    def __init__(self, bot: Quartermaster) -> None:
        self._frame = bot.frame
        self._pasting = bot.services.pasting
        self._baskets = bot.services.baskets
        self._screens = BasketScreens(bot.services, bot.frame)
        handlers = {
            "paste": self._ask_for_list,
            "paste_put": self._put,
            "paste_left": self._open,
            "paste_page": self._open,
            "paste_choose": self._choose,
            "paste_edit": self._ask_to_fix,
            "paste_fix": self._fix,
            "paste_again": self._again,
            "paste_leave": self._ask_to_leave,
            "paste_leave_yes": self._leave,
        }
        for verb, handler in handlers.items():
            bot.router.on(Space.BASKET, verb, handler)

    async def _screen(self, actor: Actor, *, page: int = 0, notice: str = "") -> ui.LayoutView:
        """Return what is left, or the basket if nothing is."""
        rest = await self._pasting.left(actor, page * PAGE)
        if rest.total:
            return paste_screen(rest, self._frame(), notice=notice)
        return await self._screens.draw(actor, notice=notice)

    async def _do(self, click: Click, work: Awaitable[str], *, page: int = 0) -> None:
        """Do something, and show what is left with what was done or what was in the way."""
        try:
            said = await work
        except UserFacingError as error:
            said = text.explain(error, self._frame())
        await click.show(await self._screen(click.actor, page=page, notice=said))

    async def _ask_for_list(self, click: Click) -> None:
        await click.ask(paste_modal(await self._baskets.open(click.actor)))

    async def _put(self, click: Click) -> None:
        await click.answer()
        await self._do(click, self._put_list(click))

    async def _put_list(self, click: Click) -> str:
        typed = click.fields.get("list", "")
        form = click.custom_id.tail
        return text.pasted(await self._pasting.put(click.actor, shown_by(click), typed, form=form))

    async def _open(self, click: Click) -> None:
        await click.answer()
        await click.show(await self._screen(click.actor, page=click.custom_id.number()))

    async def _choose(self, click: Click) -> None:
        await click.answer()
        number, quantity = click.custom_id.numbers(2)
        work = self._choose_for(click, number, quantity)
        await self._do(click, work, page=number // PAGE)

    async def _choose_for(self, click: Click, number: int, quantity: int) -> str:
        value = chosen_in(click)[0]
        if value == LEAVE_OUT:
            left = await self._pasting.leave_out(click.actor, shown_by(click), number)
            return text.pasted_left_out(left)
        game, ceiling, name = _match(value)
        pick = await self._pasting.choose(
            click.actor, shown_by(click), number, (game, name), quantity=quantity, ceiling=ceiling
        )
        return text.added(pick)

    async def _ask_to_fix(self, click: Click) -> None:
        try:
            basket, lines = await self._pasting.lines(click.actor, shown_by(click))
        except UserFacingError as error:
            await click.answer()
            words = text.explain(error, self._frame())
            await click.show(await self._screen(click.actor, notice=words))
            return
        await click.ask(paste_fix_modal(basket, lines))

    async def _fix(self, click: Click) -> None:
        await click.answer()
        await self._do(click, self._fix_lines(click))

    async def _fix_lines(self, click: Click) -> str:
        came = await self._pasting.fix(
            click.actor,
            shown_by(click),
            click.fields.get("list", ""),
            form=click.custom_id.tail,
            replaced=click.custom_id.number(),
        )
        return text.pasted(came, fixing=True)

    async def _again(self, click: Click) -> None:
        await click.answer()
        await self._do(click, self._try_again(click))

    async def _try_again(self, click: Click) -> str:
        return text.pasted(await self._pasting.again(click.actor, shown_by(click)))

    async def _ask_to_leave(self, click: Click) -> None:
        await click.answer()
        try:
            basket, lines = await self._pasting.lines(click.actor, shown_by(click))
        except UserFacingError as error:
            words = text.explain(error, self._frame())
            await click.show(await self._screen(click.actor, notice=words))
            return
        await click.show(paste_leave_question(basket, lines, self._frame()))

    async def _leave(self, click: Click) -> None:
        await click.answer()
        await self._do(click, self._leave_all(click))

    async def _leave_all(self, click: Click) -> str:
        return text.pasted_left_out(await self._pasting.leave_out(click.actor, shown_by(click)))


def _match(value: str) -> tuple[str, Micros, str]:
    """Return what an option says: game, ceiling and name. Raises (OUT_OF_DATE)."""
    game, _, others = value.partition(":")
    cents, _, name = others.partition(":")
    if not (cents.isdecimal() and cents.isascii() and 1 <= int(cents) <= CEILING_MAX // CENT):
        raise UserFacingError(Problem.OUT_OF_DATE)
    return game, Micros(int(cents) * CENT), name


async def setup(bot: Quartermaster) -> None:
    """Add the cog."""
    await bot.add_cog(PastingCog(bot))
