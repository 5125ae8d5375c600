"""A pasted list, end to end: mixed lines, careless thumbs, old copies and a restart in between."""

from __future__ import annotations

import asyncio

from bot.sandbox.discord import Member, Message, Modal
from tests.e2e.screens import CASE, answered_twice, labels, open_basket, put, unanswered
from tests.e2e.world import ASIIMOV, REDLINE, World, shown

LIST = f"""My skins:
1. 2x {REDLINE} @ 15
2. awp asiimov field-tested
3. 3x ak-47 redline ft @ 1.450,00
4. xyzzy @everyone **b**
5. {ASIIMOV} 70 €
6. {REDLINE} #62000003
7. 9x {CASE}
"""
LEFT = ["3x ak-47 redline ft @ 1.450,00", "xyzzy @everyone **b**", f"{ASIIMOV} 70 €"]
FIELD = "Your skins, one on a line"
FIX = "The lines that are not in yet"


def picks(world: World, member: Member) -> list[tuple[str, int, float]]:
    """Return what the database has in a member's basket: skin, how many, ceiling in dollars."""
    rows = world.rows(
        "SELECT market_hash_name, quantity, ceiling FROM picks JOIN requests USING (request_id) "
        "WHERE user_id = ? AND state = 'draft' ORDER BY pick_id",
        member.id,
    )
    return [(r["market_hash_name"], r["quantity"], r["ceiling"] / 1_000_000) for r in rows]


def rest(world: World, member: Member) -> list[str]:
    """Return the lines that are kept of a member's lists."""
    (row,) = world.rows("SELECT rest FROM pastes WHERE user_id = ?", member.id)
    return str(row["rest"]).splitlines()


async def form(member: Member, screen: Message, label: str) -> Modal:
    """Open a form by its button."""
    opened = (await member.click(screen, label)).modal
    assert opened is not None
    return opened


async def test_list_when_pasted_with_careless_thumbs_then_nothing_is_lost_or_doubled(
    world: World,
) -> None:
    """From a mixed list to an empty rest, through every button of its screens."""
    ana = world.ana
    empty = await open_basket(world, ana)
    assert labels(empty) == ["Add skins", "Paste a list", "Trade URL", "More"]
    opened = await form(ana, empty, "Paste a list")
    assert opened.field(FIELD).raw["placeholder"] == "2x AK-47 | Redline (Field-Tested) @ 15"

    # The form seems to hang and is sent twice; both times it shows what came of it.
    sent = [await ana.submit(opened, {FIELD: LIST}) for _ in range(2)]
    screen = shown(sent[1])
    assert "That form came in twice." in screen.text
    assert picks(world, ana) == [(REDLINE, 2, 15.0), (ASIIMOV, 1, 74.76), (REDLINE, 1, 13.18)]
    assert rest(world, ana) == [*LEFT, f"9x {CASE}"]
    assert "4 lines not in your basket yet" in screen.text
    assert "Prices are in US dollars here." in screen.text
    assert "It asks for 9 skins, and your basket has room for 6." in screen.text
    assert not screen.mentions.everyone
    versions = [one.text for one in screen.versions]
    assert any("Added 4 skins: AK-47 | Redline (Field-Tested) ×2" in text for text in versions)

    # A match that costs more than the line allows is offered at what it costs.
    menu = next(one for one in screen.selects if "redline ft" in one.placeholder)
    offered = {option.label: option.description for option in menu.options}
    assert offered[REDLINE] == "3 × $12.40 today, at most $1,450.00 each · 20 for sale"
    menu = next(one for one in screen.selects if "70 €" in one.placeholder)
    assert menu.options[0].description.startswith("$71.20 today, at most $74.76")

    # Two thumbs on one menu: one is in, the other is told that things had changed.
    line = f"“{LEFT[0]}”"
    await asyncio.gather(*(ana.select(screen, line, [REDLINE]) for _ in range(2)))
    assert picks(world, ana)[3:] == [(REDLINE, 3, 1450.0)]
    assert rest(world, ana) == [*LEFT[1:], f"9x {CASE}"]

    # An old copy of the screen does nothing.
    old = next(one for one in screen.versions if "4 lines not" in one.text)
    reply = await ana.click(screen, "Try again", as_of=old)
    assert "the tap did nothing" in reply.text
    assert "3 lines not in your basket yet" in reply.text

    # The bot restarts, and the basket leads back to what is left.
    await world.restart(kill=True)
    basket = await open_basket(world, ana)
    assert "3 lines of your list are not in yet." in basket.text
    screen = shown(await ana.click(basket, "3 lines left"))
    fixing = await form(ana, screen, "Fix these lines")
    assert fixing.field(FIX).prefilled == "\n".join([*LEFT[1:], f"9x {CASE}"])

    # Meanwhile another device changes the basket: what was fixed is kept, and put nowhere.
    await put(world, ana, CASE)
    before = picks(world, ana)
    screen = shown(await ana.submit(fixing, {FIX: f"{ASIIMOV} @ 80\n9x {CASE}"}))
    assert "nothing was put in" in screen.text
    assert picks(world, ana) == before
    assert rest(world, ana) == [*LEFT[1:], f"9x {CASE}", f"{ASIIMOV} @ 80"]
    assert "It can go in now: press Try again." in screen.text
    screen = shown(await ana.click(screen, "Try again"))
    assert (ASIIMOV, 1, 80.0) in picks(world, ana)

    # What is garbage goes, line by line or all at once, and only after a question.
    screen = shown(await ana.select(screen, f"“{LEFT[1]}”", ["Leave this line out"]))
    assert "Left out: “xyzzy" in screen.text
    question = shown(await ana.click(screen, "Leave them out"))
    screen = shown(await ana.click(question, "No, keep them"))
    assert rest(world, ana) == [LEFT[2], f"9x {CASE}"]
    fixing = await form(ana, screen, "Fix these lines")
    screen = shown(await ana.submit(fixing, {FIX: f"{ASIIMOV}\n9x {CASE}"}))
    assert "Added 1 skin: AWP | Asiimov (Field-Tested)." in screen.text

    # What had no room waits for the next request.
    await world.give_trade_url(ana)
    assert "1 line of your list is not in yet." in (await ana.click(screen, "Back")).text
    reply = await ana.click(await open_basket(world, ana), "Send for approval")
    assert "is sent" in reply.text
    basket = await open_basket(world, ana)
    assert "Your basket is empty" in basket.text
    screen = shown(await ana.click(basket, "1 line left"))
    reply = await ana.click(screen, "Try again")
    assert f"Added 9 skins: {CASE} ×9." in reply.text
    assert "Your basket: 9 of 10 skins" in reply.text
    assert rest(world, ana) == []
    assert unanswered(world.discord) == []
    assert answered_twice(world.discord) == []
