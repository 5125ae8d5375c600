"""The story goes on: trades are accepted, missed, tried again and returned, and the books agree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from bot.domain.market import OfferStatus
from bot.domain.money import Micros, format_usd, from_decimal, parse_typed_price
from bot.sandbox.demo.players import WAIT_S
from bot.sandbox.demo.scene import (
    ANA_ON_STEAM,
    ASIIMOV,
    BOUGHT,
    KILL_CONFIRMED,
    NEO_NOIR,
    REDLINE,
    WANTED,
    WATER_ELEMENTAL,
    Scene,
    paid_for,
    price_now,
)
from bot.sandbox.demo.stage import UnexpectedError
from bot.sandbox.discord import Message
from bot.sandbox.skinsback.ledger import LedgerEntry

_AGAIN: Final = (NEO_NOIR, KILL_CONFIRMED, WATER_ELEMENTAL)
_WAITS: Final = "waits in Steam until"
_DELIVERED: Final = "delivered, final on"
_WATER_ELEMENTAL_LATER: Final = "6.90"
_HERE: Final = "I'm here"
_TRY_AGAIN: Final = "Try again"

_KEPT: Final = re.compile(r"^(\$\S+) paid by the server for [0-9]+ skins\.", re.MULTILINE)
_IN_VAIN: Final = re.compile(r"(\$\S+) paid by the server for what was not delivered")
_NOT_BACK: Final = re.compile(
    r"^Not delivered, and the money not seen back: (\$\S+) ", re.MULTILINE
)
_SPENT: Final = re.compile(r"^Spent in the last 24 hours (\$[0-9.,]+[0-9])", re.MULTILINE)


async def tell_of_trades(scene: Scene, card: Message, told: Message, result: Message) -> None:
    """Tell it from the purchase on. Raises ``UnexpectedError``.

    ``card``: of the moderators; ``told``: Ana's direct message; ``result``: for everybody.
    """
    trades = await _the_trades_wait(scene)
    await _ana_accepts_two(scene, trades, result)
    await _the_third_is_missed(scene, told)
    note = await _ana_is_here(scene, told, card)
    await _max_tries_again(scene, note, trades, result)
    await _a_trade_is_returned(scene, result)
    await _the_books_agree(scene, result)


async def _the_trades_wait(scene: Scene) -> Message:
    """Return the message that tells Ana of her trades."""
    stage = scene.stage
    stage.chapter("The trades are there, and two are accepted")
    stage.step = "the trades wait in Steam"
    _move_all(scene, BOUGHT, OfferStatus.WAITING_ACCEPT)
    trades = await scene.ana.member.wait_for_dm("3 trades wait for you in Steam", WAIT_S)
    stage.show(
        trades, *BOUGHT, "Accept each in time", "(in 10 minutes)", "never ask", buttons=BOUGHT
    )
    for entry in _alive(scene, BOUGHT):
        url = trades.button(entry.name).url or ""
        stage.expect(str(entry.trade_offer_id) in url, "a link to the trade itself", url)
    stage.expect(trades.pinged(scene.ana.member), "that Ana's phone rings", "it did not")
    return trades


async def _ana_accepts_two(scene: Scene, trades: Message, result: Message) -> None:
    stage = scene.stage
    for skin in (REDLINE, ASIIMOV):
        stage.act(f"Ana opens the trade of {skin} and accepts it in Steam")
        _move_all(scene, [skin], OfferStatus.ACCEPTED)
        await trades.wait_for(f"{skin}: {_DELIVERED}", WAIT_S)
    await result.wait_for(lambda one: one.text.count(_DELIVERED) == 2, WAIT_S)
    stage.show(result, "3 of 5 skins bought", _WAITS)


async def _the_third_is_missed(scene: Scene, told: Message) -> None:
    stage = scene.stage
    stage.chapter("One trade is missed")
    stage.tell(
        "Somebody is at Ana's door. When she is back, her ten minutes for the third trade are "
        "over, and the market has cancelled it."
    )
    stage.step = "the third trade runs out"
    _move_all(scene, [WATER_ELEMENTAL], OfferStatus.TIMEOUT)
    await told.wait_for("not accepted in time", WAIT_S)
    stage.show(told, "for what did not arrive", WATER_ELEMENTAL, buttons=(_HERE,))


async def _ana_is_here(scene: Scene, told: Message, card: Message) -> Message:
    """Return the note to the moderators."""
    stage = scene.stage
    answer = await scene.ana.presses(told, _HERE)
    stage.show_news(answer, "The moderators are told that you are in Steam now")
    note = await scene.approvals.wait_for("asks for another try of request #1", WAIT_S)
    stage.show(note, "that they have Steam open", "not accepted in time", buttons=("Details",))
    await card.wait_for("that they have Steam open", WAIT_S)
    return note


async def _max_tries_again(scene: Scene, note: Message, trades: Message, result: Message) -> None:
    stage, market = scene.stage, scene.market
    stage.chapter("Another try")
    for skin in (NEO_NOIR, KILL_CONFIRMED):
        market.restock(skin)
    market.set_price(WATER_ELEMENTAL, parse_typed_price(_WATER_ELEMENTAL_LATER))
    stage.tell(
        f"By now the price of {NEO_NOIR} is {price_now(market, NEO_NOIR)} again, somebody sells "
        f"{KILL_CONFIRMED}, and the next {WATER_ELEMENTAL} costs "
        f"{price_now(market, WATER_ELEMENTAL)}."
    )
    label = next((one.label for one in note.buttons if one.label.startswith(_TRY_AGAIN)), "")
    stage.expect(bool(label), f"a button [{_TRY_AGAIN}]", note.render())
    stage.show(await scene.max.presses(note, label), "3 skins of request #1 tried again")
    stage.step = "the bot buys again"
    await result.wait_for("all 5 skins bought", WAIT_S)
    _move_all(scene, _AGAIN, OfferStatus.WAITING_ACCEPT)
    await trades.wait_for("3 trades wait for you in Steam", WAIT_S)
    stage.tell(
        "Ana's message about her trades is only a moment old here, so it is edited. One that is "
        "older than three minutes stays, and her phone rings for a new one."
    )
    stage.show(trades, *_AGAIN, "(in 10 minutes)", buttons=_AGAIN)
    stage.act("Ana accepts all three in Steam")
    for skin in _AGAIN:
        _move_all(scene, [skin], OfferStatus.ACCEPTED)
        await trades.wait_for(f"{skin}: {_DELIVERED}", WAIT_S)
    await result.wait_for(lambda one: one.text.count(_DELIVERED) == len(WANTED), WAIT_S)
    stage.show(result, "all 5 skins bought", *WANTED, without=("being sent", _WAITS))


async def _a_trade_is_returned(scene: Scene, result: Message) -> None:
    stage = scene.stage
    stage.chapter("One trade is returned")
    stage.tell(
        "For seven days Steam lets either side take a trade back. Somebody does so at Ana's "
        "account with one of hers."
    )
    stage.step = "a trade is returned"
    _move_all(scene, [REDLINE], OfferStatus.ROLLBACK_USER)
    notice = await scene.approvals.wait_for("news about what was bought", WAIT_S)
    stage.show(notice, "Returned from @Ana's Steam account", REDLINE, buttons=("Details",))
    await result.wait_for("1 not delivered", WAIT_S)
    history = await scene.ana.types("my-requests", number=1)
    stage.show(history, "somebody else may have access", "History", "@Ana is there")


async def _the_books_agree(scene: Scene, result: Message) -> None:
    """Show the sums of both sides, which have to be the same.

    The market has given nothing back yet, and nobody says that it has.
    """
    stage, market = scene.stage, scene.market
    stage.chapter("The books agree")
    screen = await scene.olga.types("quartermaster balance")
    stage.show(screen, f"asked just now: {format_usd(market.balance)}", "(2 purchases)")
    stage.step = "the books are compared"
    stage.tell("The market's own ledger, and every sum that was told:")
    for entry in market.purchases:
        stage.expect(entry.partner == ANA_ON_STEAM, f"{entry.name} sent to Ana", entry.partner)
    names = sorted(entry.name for entry in market.purchases if entry.alive)
    kept = sorted({*WANTED} - {REDLINE})
    stage.expect(names == kept, f"{kept} alive in the ledger", names)
    stage.rows([_row(entry.name, entry.debited, entry.status) for entry in market.purchases])
    _compare(
        scene,
        {
            "Prices of what Ana has, in the result": _sum(
                _read(paid) for skin, paid in paid_for(result).items() if skin in kept
            ),
            "Their total there": _told(_KEPT, result),
            "In the ledger, and not failed": _sum(
                entry.debited for entry in market.purchases if entry.alive
            ),
        },
    )
    _compare(
        scene,
        {
            "For what was not delivered, in the result": _told(_IN_VAIN, result),
            "Not seen back, says the balance": _told(_NOT_BACK, screen),
            "In the ledger, and failed": _sum(
                entry.debited for entry in market.purchases if not entry.alive
            ),
        },
    )
    _compare(
        scene,
        {
            "Both totals in the result": Micros(_told(_KEPT, result) + _told(_IN_VAIN, result)),
            "Spent in 24 hours, says the balance": _told(_SPENT, screen),
            "Gone from the balance at the market": Micros(scene.balance_before - market.balance),
        },
    )


def _compare(scene: Scene, sums: dict[str, Micros]) -> None:
    scene.stage.expect(len(set(sums.values())) == 1, "the same sum each time", sums)
    scene.stage.rows([_row(what, amount) for what, amount in sums.items()])


def _row(what: str, amount: Micros, about: str = "") -> str:
    return f"{what:<44}{format_usd(amount):>8}   {about}".rstrip()


def _told(pattern: re.Pattern[str], message: Message) -> Micros:
    """Return the amount that a message tells. Raises ``UnexpectedError``."""
    found = pattern.search(message.text)
    if found is None:
        raise UnexpectedError(f"an amount like “{pattern.pattern}”", message.render())
    return _read(found[1])


def _read(dollars: str) -> Micros:
    """Return the amount that a message shows."""
    return from_decimal(Decimal(dollars.removeprefix("$").replace(",", "")))


def _sum(amounts: Iterable[Micros]) -> Micros:
    return Micros(sum(amounts))


def _alive(scene: Scene, skins: Iterable[str]) -> list[LedgerEntry]:
    """Return the purchase of each skin that has not failed."""
    return [
        entry
        for skin in skins
        for entry in scene.market.purchases
        if entry.name == skin and entry.alive
    ]


def _move_all(scene: Scene, skins: Iterable[str], status: OfferStatus) -> None:
    """Let the trades of these skins go on."""
    for entry in _alive(scene, skins):
        scene.market.move(entry, status)
