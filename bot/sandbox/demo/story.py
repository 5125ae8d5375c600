"""The story: a server is set up, five skins are asked for, moderators decide, the bot buys.

What becomes of the trades stands in ``delivery``.

What people read is never written here: it comes from the bot. Here stands what they do, and what
must be seen of it for the story to go on.
"""

from __future__ import annotations

import asyncio
from typing import Final

from bot.domain.market import OfferStatus
from bot.domain.money import format_usd, parse_typed_price
from bot.sandbox.demo.delivery import tell_of_trades
from bot.sandbox.demo.players import WAIT_S, Player
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
from bot.sandbox.discord import Channel, Message, Role

_BLAZE: Final = "Desert Eagle | Blaze (Factory New)"
_SUGGESTIONS_SHOWN: Final = 3
_NEO_NOIR_LIMIT: Final = "22,50"
_NEO_NOIR_LATER: Final = "23.90"
_MISSPELT: Final = "glok water elemntal ft"
_LIST: Final = f"1x {NEO_NOIR} @ {_NEO_NOIR_LIMIT}\n{_MISSPELT}"
_UNDO_S: Final = 5
_WHEN_READY: Final = "When the member presses Send it now"
_SEND_NOW: Final = "Send it now"
_REASON: Final = "Up to $200 a skin, please: these two would take all that is left."

_BEN_ON_STEAM: Final = 41235813
_PROFILE: Final = "https://steamcommunity.com/id/ana-on-fridays"
_TRADE_URL: Final = "https://steamcommunity.com/tradeoffer/new/?partner={partner}&token=AbCd_-12"


async def tell(scene: Scene) -> None:
    """Tell all of it. Raises ``UnexpectedError``, or what a person in it could not do."""
    panel = await _olga_sets_up(scene)
    await _moderators_try_it(scene, panel)
    basket = await _ana_looks_for_skins(scene)
    basket = await _ana_fills_her_basket(scene, basket)
    basket = await _ana_says_where_they_go(scene, basket)
    card, told = await _ana_sends_it(scene, basket)
    denied = await _ben_asks_for_too_much(scene)
    await _mia_denies(scene, denied)
    await _max_decides(scene, card)
    result = await _the_bot_buys(scene)
    await _everyone_is_told(scene, card, told)
    await tell_of_trades(scene, card, told, result)


# Set-up


async def _olga_sets_up(scene: Scene) -> Message:
    """Return the set-up panel."""
    stage, olga = scene.stage, scene.olga
    stage.chapter("Olga sets the bot up")
    stage.tell(
        "Olga runs the server Friday Cup and has just invited the bot. She says who decides, "
        "where, when it is bought, and how long an approval can be taken back."
    )
    panel = await olga.types("setup")
    stage.show(panel, "0 of 4 done", "not chosen yet", buttons=("Limits",))
    choices: tuple[tuple[str, Role | Channel | str, str], ...] = (
        ("Choose the role that approves", scene.mods, "@Skin Mods as the role that approves"),
        ("Choose the channel for approvals", scene.approvals, "#skin-approvals for approvals"),
        ("Choose the channel for results", scene.results, "#results for results"),
        ("Choose when it is bought", _WHEN_READY, f"“{_WHEN_READY}”"),
    )
    for menu, value, shown in choices:
        panel = await olga.chooses(panel, menu, value, shown)
    form = await olga.opens(panel, "Limits")
    panel = await olga.fills_in(form, {"Seconds to take an approval back": str(_UNDO_S)})
    stage.show(
        panel,
        "4 of 4 done",
        "✅ @Skin Mods",
        "✅ #skin-approvals",
        "✅ #results",
        f"{_UNDO_S} seconds to take an approval back",
        buttons=("Post a test card", "Post the panel here"),
        without=("❌", "⚠"),
    )
    return panel


async def _moderators_try_it(scene: Scene, panel: Message) -> None:
    stage, olga = scene.stage, scene.olga
    stage.chapter("A test card for moderators, a panel for members")
    panel = await olga.presses(panel, "Post a test card")
    stage.show_news(panel, "The test card is on its way")
    card = await scene.approvals.wait_for("Test card", WAIT_S)
    stage.show(card, "@Skin Mods", "Nobody has confirmed yet", buttons=("I can approve",))
    stage.show(await scene.max.presses(card, "I can approve"), "you can approve")
    await card.wait_for("Confirmed by @Max", WAIT_S)
    panel = await olga.presses(panel, "Post the panel here")
    stage.show_news(panel, "The panel is posted", "confirmed on the test card by @Max")
    posted = await scene.hall.wait_for("Skins", WAIT_S)
    stage.show(posted, "basket", buttons=("Ask for skins", "My requests"))


# Asking


async def _ana_looks_for_skins(scene: Scene) -> Message:
    """Return the basket's screen."""
    stage, ana = scene.stage, scene.ana
    stage.chapter("Ana looks for skins")
    stage.step = "the price list arrives"
    async with asyncio.timeout(WAIT_S):
        # The price list of a bot that has just started is on its way. How often it is asked for
        # is no part of the story.
        offered = False
        while not offered:
            await asyncio.sleep(0.1)
            offered = await ana.is_offered("request", "item", "ak redl")
    found = await ana.searches("request", "item", "ak redl")
    first = found[0].value if found else None
    stage.expect(first == REDLINE, f"{REDLINE} as the first suggestion", found)
    stage.rows([choice.name for choice in found[:_SUGGESTIONS_SHOWN]])
    basket = await ana.types("request", item=REDLINE)
    stage.show_news(basket, f"Added: {REDLINE}", _today(scene, REDLINE))
    stage.tell("She can also type as she likes: one match is taken, and said.")
    for typed, skin in (("awp asimov ft", ASIIMOV), ("usp kc mw", KILL_CONFIRMED)):
        basket = await ana.types("request", item=typed)
        stage.show_news(basket, f"It is the only match for “{typed}”", _today(scene, skin))
    return basket


async def _ana_fills_her_basket(scene: Scene, basket: Message) -> Message:
    """Return the basket's screen."""
    stage, ana = scene.stage, scene.ana
    stage.chapter("Ana's basket")
    stage.tell("The others stand in a list on her phone. What is clear in it is in at once.")
    form = await ana.opens(basket, "Paste a list")
    screen = await ana.fills_in(form, {form.fields[0].label: _LIST})
    stage.show(
        screen,
        f"Added 1 skin: {NEO_NOIR}",
        "1 line not in your basket yet",
        f"Is it {WATER_ELEMENTAL}?",
        buttons=("Fix these lines", "Leave them out", "Back"),
    )
    basket = await ana.chooses(
        screen, f"“{_MISSPELT}”: choose the skin", WATER_ELEMENTAL, f"“{WATER_ELEMENTAL}”"
    )
    stage.show(
        basket,
        "5 of 10 skins",
        *(_today(scene, skin) for skin in WANTED),
        f"at most {_neo_noir_limit()}",
        "No Trade URL yet",
        buttons=("Send for approval", "Add skins", "Trade URL", "More"),
    )
    return basket


def _today(scene: Scene, skin: str) -> str:
    """Return a skin and its price as the basket shows them."""
    return f"{skin}\n{format_usd(scene.market.listings(skin)[0].price)}, "


def _neo_noir_limit() -> str:
    return format_usd(parse_typed_price(_NEO_NOIR_LIMIT))


async def _ana_says_where_they_go(scene: Scene, basket: Message) -> Message:
    """Return the basket's screen."""
    stage, ana = scene.stage, scene.ana
    stage.chapter("Where should they go?")
    screen = await ana.presses(basket, "Send for approval")
    stage.show(
        screen,
        "Nothing was sent",
        "Your Trade URL",
        buttons=("Open it at Steam", "Enter Trade URL"),
    )
    stage.tell("Ana pastes the wrong link first, as many people do.")
    form = await ana.opens(screen, "Enter Trade URL")
    screen = await ana.fills_in(form, {"Trade URL": _PROFILE})
    stage.show_news(screen, "leads to a Steam profile", "Nothing was saved")
    question = await _enter_trade_url(ana, screen, ANA_ON_STEAM)
    stage.show(
        question,
        "Is this your account?",
        buttons=("Steam profile", "Yes, that's me", "No, another one"),
    )
    basket = await ana.presses(question, "Yes, that's me")
    stage.show_news(basket, "Your Trade URL is saved", "To Steam account …", "5 of 10 skins")
    return basket


async def _enter_trade_url(player: Player, screen: Message, partner: int) -> Message:
    """Return the question whether this is the right account."""
    form = await player.opens(screen, "Enter Trade URL")
    return await player.fills_in(form, {"Trade URL": _TRADE_URL.format(partner=partner)})


async def _ana_sends_it(scene: Scene, basket: Message) -> tuple[Message, Message]:
    """Return the approval card and the direct message to Ana."""
    stage, ana = scene.stage, scene.ana
    stage.chapter("Ana sends it")
    sent = await ana.presses(basket, "Send for approval")
    stage.show(sent, "Request #1 is sent", "5 skins", "I keep you posted")
    card = await scene.approvals.wait_for("Request #1", WAIT_S)
    stage.show(
        card,
        "@Ana",
        *WANTED,
        f"max {_neo_noir_limit()}",
        buttons=(_approve_button(card), "Deny", "Details"),
    )
    told = await ana.member.wait_for_dm("Your request #1", WAIT_S)
    stage.show(
        told,
        "waiting for approval",
        "Nothing has been bought yet",
        buttons=("Cancel request",),
    )
    return card, told


def _approve_button(card: Message) -> str:
    """Return the label of the button that approves, with the sum on it."""
    labels = [button.label for button in card.buttons if button.label.startswith("Approve $")]
    if len(labels) != 1:
        raise UnexpectedError("one button that approves, with its sum", card.render())
    return labels[0]


async def _ben_asks_for_too_much(scene: Scene) -> Message:
    """Return the approval card."""
    stage, ben = scene.stage, scene.ben
    stage.chapter("Ben asks for too much")
    stage.tell("Ben doesn't know the commands. He uses the panel in #general.")
    posted = await scene.hall.wait_for("Skins", WAIT_S)
    basket = await ben.presses(posted, "Ask for skins")
    form = await ben.opens(basket, "Add skins")
    basket = await ben.fills_in(form, {"Skin": _BLAZE, "How many": "2"})
    stage.show_news(basket, f"Added: {_BLAZE} ×2", "2 of 10 skins")
    screen = await ben.presses(basket, "Trade URL")
    question = await _enter_trade_url(ben, screen, _BEN_ON_STEAM)
    basket = await ben.presses(question, "Yes, that's me")
    stage.show_news(basket, "Your Trade URL is saved", "2 of 10 skins")
    stage.show(await ben.presses(basket, "Send for approval"), "Request #2 is sent", "2 skins")
    card = await scene.approvals.wait_for("Request #2", WAIT_S)
    stage.show(card, "@Ben", f"{_BLAZE} ×2", buttons=(_approve_button(card), "Deny", "Details"))
    return card


# Deciding


async def _mia_denies(scene: Scene, card: Message) -> None:
    stage = scene.stage
    form = await scene.mia.opens(card, "Deny")
    answer = await scene.mia.fills_in(form, {"Why?": _REASON})
    stage.show(answer, "Request #2 is denied", "nothing was bought")
    await card.wait_for("Denied by", WAIT_S)
    stage.show(card, "Denied by @Mia", _REASON, buttons=("Details",))
    told = await scene.ben.member.wait_for_dm("denied", WAIT_S)
    stage.show(told, "@Mia denied it", "Nothing was bought", _REASON)
    stage.expect(not scene.market.purchases, "nothing bought yet", scene.market.purchases)


async def _max_decides(scene: Scene, card: Message) -> None:
    stage = scene.stage
    stage.chapter("Max approves, takes it back, and approves after all")
    approve = _approve_button(card)
    total = approve.removeprefix("Approve ")
    answer = await scene.max.presses(card, approve)
    stage.show(
        answer, "Request #1 is approved", f"{total} at most", f"until @Ana presses {_SEND_NOW}"
    )
    await card.wait_for("will be spent", WAIT_S)
    stage.show(card, "Approved by @Max", buttons=("Take back", "Details"))
    answer = await scene.max.presses(card, "Take back")
    stage.show(answer, "is taken back", "nothing was bought")
    await card.wait_for(lambda one: any(each.label == approve for each in one.buttons), WAIT_S)
    as_mia_sees_it = card.versions[-1]
    # The question that Ana has got meanwhile is drawn again before it is asked anew.
    await scene.ana.member.wait_for_dm("Request #1 waits for a decision again", WAIT_S)
    stage.tell("A little later Max is sure, and Mia, who is sure too, is a moment slower.")
    answer = await scene.max.presses(card, approve)
    stage.show(answer, "Request #1 is approved")
    answer = await scene.mia.presses(card, approve, on_old=as_mia_sees_it)
    stage.show(answer, "@Max already approved this", "Nothing changed by your click")
    stage.step = "Ana is asked whether she is there"
    question = await scene.ana.member.wait_for_dm("Request #1 is approved", WAIT_S)
    stage.show(question, "10 minutes to accept it", buttons=(_SEND_NOW,))


# Buying


async def _the_bot_buys(scene: Scene) -> Message:
    """Return the result message."""
    stage, market = scene.stage, scene.market
    stage.chapter("The market moves, and the bot buys")
    market.set_price(NEO_NOIR, parse_typed_price(_NEO_NOIR_LATER))
    market.script_trades(OfferStatus.CREATING_TRADE)
    asked: dict[str, str] = {}

    def as_the_order_arrives() -> None:
        asked.update({skin: price_now(scene.market, skin) for skin in BOUGHT})
        market.sell_out(KILL_CONFIRMED)

    market.before_next_buy(as_the_order_arrives)
    stage.tell(
        f"Before the bot buys, the price of {NEO_NOIR} rises to {price_now(market, NEO_NOIR)}."
    )
    stage.step = "Ana says that she is there"
    question = await scene.ana.member.wait_for_dm("Request #1 is approved", WAIT_S)
    answer = await scene.ana.presses(question, _SEND_NOW)
    stage.show_news(answer, "Request #1 is on its way", "10 minutes to accept it")
    stage.step = "the bot buys"
    result = await scene.results.wait_for(
        # What was paid stands there from the first answer on. If it is wrong, buying pauses, and
        # what is still to come may stay so for ever.
        lambda message: (
            "Request #1" in message.text
            and ("Still to come" not in message.text or paid_for(message) != asked)
        ),
        WAIT_S + _UNDO_S,
    )
    calls = len(market.batch_calls)
    stage.expect(calls == 1, "one order at the market", f"{calls} orders")
    stage.tell(f"While its order is on the way, somebody else buys the last {KILL_CONFIRMED}.")
    right = paid_for(result) == asked
    stage.expect(right, f"the prices that the market asked, {asked}", result.render())
    stage.show(
        result,
        "@Ana: 3 of 5 skins bought",
        "approved by @Max",
        "now above the approved price",
        f"{NEO_NOIR}: cheapest {price_now(scene.market, NEO_NOIR)}",
        "sold to someone else",
        f"{KILL_CONFIRMED}: at most",
        without=("(code", "alance"),
    )
    stage.expect(not result.pinged(scene.ana.member), "that no phone rings", "Ana's rang")
    return result


async def _everyone_is_told(scene: Scene, card: Message, told: Message) -> None:
    stage = scene.stage
    stage.chapter("What the moderators and Ana see in the end")
    stage.step = "the messages from before are brought up to date"
    await card.wait_for("3 of 5 skins bought", WAIT_S)
    stage.show(card, *WANTED, "approved by @Max", "(code 5)", buttons=("Details",))
    await told.wait_for("partly bought", WAIT_S)
    stage.show(told, *WANTED, "@Max approved it", without=("(code",))
