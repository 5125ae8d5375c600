"""What people do in a round: ask, approve, deny, cancel, take back, change their Trade URL.

They wait for a bot to be there, and go on with something else when it dies under their hands. What
Discord's client would not let them do, because a card has changed meanwhile, is passed over.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from bot.domain.money import format_usd
from bot.domain.trade_url import TradeUrl
from bot.sandbox.discord import Member, Message, Reply
from bot.sandbox.discord.components import Button
from bot.sandbox.discord.drawing import texts_of
from bot.sandbox.discord.errors import SandboxError, Timeout
from tests.chaos.arena import Approval, Arena, new_url, now_ms
from tests.chaos.troubles import SKINS

_SENT: Final = re.compile(r"Request #([0-9]+) is sent")
_APPROVED: Final = re.compile(r"Request #[0-9]+ is approved")
_CUSTOM_ID: Final = re.compile(r"req1:(?P<request>[^:]+):(?P<stamp>[^:]+):(?P<verb>[a-z_]+)")
_DECIDE: Final = frozenset({"approve", "deny", "take_back", "try_again"})
"""Every other button of a card is pressed wherever it is."""


async def act(arena: Arena, what: str, doing: Callable[[], Awaitable[Reply]]) -> Reply | None:
    """Do something with the bot that is there; None if it came to nothing.

    Of an action that nobody has answered although nothing was in the way, a note is made.
    """
    await arena.up.wait()
    bot, disturbed, calm = arena.bot, arena.scene.disturbed, arena.scene.calm
    acting = asyncio.ensure_future(doing())
    dying = asyncio.ensure_future(arena.down.wait())
    try:
        await asyncio.wait({acting, dying}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        dying.cancel()
        if not acting.done():
            acting.cancel()
    await asyncio.wait({acting})
    if acting.cancelled():
        return None
    calm = calm and arena.scene.calm and arena.bot is bot and bot.running
    calm = calm and arena.scene.disturbed == disturbed
    error = acting.exception()
    arena.tally["actions"] += 1
    if isinstance(error, SandboxError):
        return None
    if error is not None and not isinstance(error, Timeout):
        raise error
    if error is not None or acting.result().failed:
        if calm:
            arena.violate("unanswered", what)
        return None
    return acting.result()


def buttons_of(message: Message | None) -> dict[str, Button]:
    """Return the buttons of a message by their verb."""
    found = {}
    for button in [] if message is None else message.buttons:
        parts = (button.custom_id or "").split(":")
        if len(parts) >= 4 and not button.disabled:
            found[parts[3]] = button
    return found


async def click(arena: Arena, who: Member, message: Message | None, verb: str) -> Reply | None:
    """Press the button of a verb, if it is there."""
    button = buttons_of(message).get(verb)
    if button is None:
        return None
    custom_id = button.custom_id
    return await act(arena, f"{verb}", lambda: who.click(message, custom_id=custom_id))


async def fill(arena: Arena, who: Member, asked: Reply | None, *values: str) -> Reply | None:
    """Fill in the modal that answered a press, field by field, if one did."""
    if asked is None or asked.modal is None:
        return None
    modal = asked.modal
    filled = {field.label: value for field, value in zip(modal.fields, values, strict=False)}
    arena.tally["modals"] += 1
    return await act(arena, modal.title, lambda: who.submit(modal, filled))


# Members


async def ask(
    arena: Arena, member: Member, *skins: tuple[str, int], rng: Random | None = None
) -> int | None:
    """Send a request; return its number if the member was told that it is sent.

    ``rng``: the basket is changed before, in one way or the other.
    """
    screen: Message | None = None
    for name, quantity in skins:
        reply = await act(
            arena,
            "/request",
            lambda name=name, quantity=quantity: member.slash(  # type: ignore[misc]
                "request", channel=arena.hall, item=name, quantity=quantity
            ),
        )
        screen = reply.message if reply is not None else screen
    if rng is not None:
        screen = await _change_basket(arena, member, screen, rng) or screen
    reply = await click(arena, member, screen, "send")
    told = _SENT.search(reply.text) if reply is not None else None
    if told is None:
        return None
    arena.told_sent.append((int(told[1]), now_ms()))
    arena.tally["requests"] += 1
    return int(told[1])


async def _change_basket(
    arena: Arena, member: Member, screen: Message | None, rng: Random
) -> Message | None:
    """Add a skin, write a note or name a price in its modal; return the screen after it."""
    mood = rng.random()
    if mood < 0.2:
        asked = await click(arena, member, screen, "add")
        done = await fill(arena, member, asked, rng.choice(SKINS), "1")
    elif mood < 0.35:
        more = await click(arena, member, screen, "more")
        asked = await click(arena, member, None if more is None else more.message, "note")
        done = await fill(arena, member, asked, "For the final on Friday.")
    elif mood < 0.5 and screen is not None and screen.selects:
        select = screen.selects[0]
        chosen = [select.options[0].value]
        line = await act(
            arena,
            "line",
            lambda: member.select(screen, select.custom_id, chosen),
        )
        asked = await click(arena, member, None if line is None else line.message, "ceiling")
        # Some ceilings are so low that nothing is found: that is refused, and can be tried again.
        done = await fill(arena, member, asked, rng.choice(("15", "40", "90")))
    else:
        return None
    return None if done is None else done.message


async def give_url(
    arena: Arena, member: Member, url: TradeUrl, screen: Message | None = None
) -> bool:
    """Enter and confirm a Trade URL, with /trade-url or on a screen that asks for it."""
    arena.urls[member.id].append(url)
    if screen is None:
        reply = await act(
            arena, "/trade-url", lambda: member.slash("trade-url", channel=arena.hall)
        )
        screen = None if reply is None else reply.message
    asked = await click(arena, member, screen, "enter")
    question = await fill(arena, member, asked, url.to_text())
    done = await click(arena, member, None if question is None else question.message, "yes")
    return done is not None


def status_of(member: Member, number: int) -> Message | None:
    """Return a member's status message about a request."""
    return next((m for m in member.dms if f"request #{number}:" in m.text), None)


async def cancel(arena: Arena, member: Member, number: int) -> None:
    """Cancel a request from its status message."""
    reply = await click(arena, member, status_of(member, number), "cancel")
    await click(arena, member, None if reply is None else reply.message, "cancel_yes")


async def be_a_member(arena: Arena, member: Member) -> None:
    """Ask for skins, change one's mind, change one's Trade URL."""
    rng = arena.plan.random(f"member {arena.members.index(member)}")
    for version in range(1, arena.plan.requests_each + 1):
        await asyncio.sleep(rng.uniform(0.0, 0.3))
        number = await ask(arena, member, *_some_skins(rng), rng=rng)
        mood = rng.random()
        known = arena.urls[member.id][0].partner
        if mood < 0.12 and number is not None:
            await asyncio.sleep(rng.uniform(0.0, 0.3))
            await cancel(arena, member, number)
        elif mood < 0.22:
            await give_url(arena, member, new_url(known, version))
        elif mood < 0.32:
            await give_url(arena, member, new_url(known + version))
        elif mood < 0.45 and number is not None:
            await _redirect(arena, member, number, new_url(known + version))


def _some_skins(rng: Random) -> list[tuple[str, int]]:
    names = rng.sample(SKINS, rng.choice((1, 1, 2)))
    return [(name, rng.choice((1, 1, 2))) for name in names]


async def _redirect(arena: Arena, member: Member, number: int, url: TradeUrl) -> None:
    """Send a request to another account, if its status message offers that."""
    reply = await click(arena, member, status_of(member, number), "new_url")
    if reply is not None:
        await give_url(arena, member, url, reply.message)


# Moderators


async def approve(
    arena: Arena, moderator: Member, card: Message, *, as_of: int | None = None
) -> bool:
    """Press Approve on a card, or on what an older version of it showed."""
    shown = card.versions[-1 if as_of is None else as_of]
    found = [
        match
        for button in shown.buttons
        if (match := _CUSTOM_ID.match(button.custom_id or "")) and match["verb"] == "approve"
    ]
    if not found:
        return False
    custom_id = found[0].string
    press = Approval(
        request_id=found[0]["request"],
        stamp=found[0]["stamp"],
        shown="\n".join(texts_of(shown.content, shown.embeds, shown.components)),
        by=moderator.id,
        at_ms=now_ms(),
    )
    arena.pressed.append(press)
    reply = await act(
        arena, "approve", lambda: moderator.click(card, custom_id=custom_id, as_of=shown)
    )
    press.told = reply is not None and _APPROVED.search(reply.text) is not None
    arena.tally["approvals"] += press.told
    return press.told


async def deny(arena: Arena, moderator: Member, card: Message) -> None:
    """Press Deny and give a reason."""
    asked = await click(arena, moderator, card, "deny")
    await fill(arena, moderator, asked, "Not this week.")


async def be_moderators(arena: Arena) -> None:
    """Decide on what comes, together at times, until told to stop."""
    rng = arena.plan.random("moderators")
    while True:
        await asyncio.sleep(rng.uniform(0.02, 0.12))
        await arena.up.wait()
        cards = [card for card in arena.approvals.messages if "approve" in buttons_of(card)]
        if cards:
            await _decide(arena, rng, rng.choice(cards))
        failed = [card for card in arena.approvals.messages if "try_again" in buttons_of(card)]
        if failed and rng.random() < arena.plan.retries:
            # Two may press it at once: it is tried once.
            pressing = arena.moderators[: rng.choice((1, 1, 2))]
            card = rng.choice(failed)
            await asyncio.gather(*(click(arena, each, card, "try_again") for each in pressing))
        others = [
            (card, verb)
            for card in arena.approvals.messages
            for verb in buttons_of(card)
            if verb not in _DECIDE
        ]
        if others and rng.random() < 0.15:
            card, verb = rng.choice(others)
            await click(arena, rng.choice(arena.moderators), card, verb)


async def _decide(arena: Arena, rng: Random, card: Message) -> None:
    first, second = rng.sample(arena.moderators, 2)
    mood = rng.random()
    if mood < 0.08:
        await deny(arena, first, card)
    elif mood < 0.25:
        await asyncio.gather(approve(arena, first, card), approve(arena, second, card))
    elif mood < 0.33:
        await asyncio.gather(approve(arena, first, card), deny(arena, second, card))
    else:
        # Somebody's screen may be behind, and show what the card was at first.
        await approve(arena, first, card, as_of=0 if rng.random() < 0.1 else None)
    if rng.random() < 0.08:
        await click(arena, second, card, "take_back")


# The administrator


async def be_an_administrator(arena: Arena) -> None:
    """Settle by hand what nobody else can tell, by what the market's own panel says."""
    while True:
        await asyncio.sleep(0.1)
        await arena.up.wait()
        for card in arena.approvals.messages:
            if "settle" in buttons_of(card):
                await _settle(arena, card)


async def _settle(arena: Arena, card: Message) -> None:
    """Settle one line of a request, and say how it is known."""
    olga = arena.administrator
    match = _CUSTOM_ID.match(buttons_of(card)["settle"].custom_id or "")
    reply = await click(arena, olga, card, "settle")
    screen = None if reply is None else reply.message
    if match is None or screen is None:
        return
    unknown = arena.rows(
        "SELECT purchase_key, line_no FROM attempts WHERE request_id = ? AND state = 'unknown' "
        "ORDER BY line_no",
        match["request"],
    )
    if not unknown:
        return
    if screen.selects:
        line = [str(unknown[0]["line_no"])]
        select = screen.selects[0].custom_id
        reply = await act(arena, "settle_choose", lambda: olga.select(screen, select, line))
        screen = None if reply is None else reply.message
    bought = arena.market.by_key(unknown[0]["purchase_key"])
    if bought:
        asked = await click(arena, olga, screen, "settle_bought")
        values = [str(bought[0].buy_id), format_usd(bought[0].debited), "It stands in the panel."]
    else:
        asked = await click(arena, olga, screen, "settle_not")
        values = ["It is not in the panel."]
    done = await fill(arena, olga, asked, *values)
    if done is not None and "Settled" in done.text:
        arena.tally["settled by hand"] += 1
        arena.settled.set()
