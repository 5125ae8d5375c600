"""Setting a server up: each choice saved and checked at once, and only by who may."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from bot.sandbox.discord import Channel, Guild, Member, Message, Reply, Role, SandboxError
from tests.e2e.screens import CASE, answered_twice, forge, labels, put, unanswered
from tests.e2e.world import REDLINE, TRADE_URL, World, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")

APPROVER = "Choose the role that approves"
APPROVALS = "Choose the channel for approvals"
RESULTS = "Choose the channel for results"
ASKERS = "Everyone, or choose roles"
DELIVERY = "Choose when it is bought"


@dataclass
class Club:
    """A server on which nothing was chosen yet."""

    world: World
    guild: Guild
    mods: Role
    hall: Channel
    approvals: Channel
    results: Channel
    olga: Member
    max: Member
    ana: Member

    async def setup(self, member: Member | None = None) -> Message:
        """Use /setup and return the panel."""
        return shown(await (member or self.olga).slash("setup", channel=self.hall))

    async def choose_all(self) -> Message:
        """Make the three choices and return the panel."""
        panel = await self.setup()
        await self.olga.select(panel, APPROVER, [self.mods])
        await self.olga.select(panel, APPROVALS, [self.approvals])
        return shown(await self.olga.select(panel, RESULTS, [self.results]))

    def saved(self) -> dict[str, Any]:
        """Return the server's row in the database."""
        rows = self.world.rows("SELECT * FROM guilds WHERE guild_id = ?", self.guild.id)
        return rows[0] if rows else {}


@pytest_asyncio.fixture(loop_scope="module")
async def club(shared_world: World) -> AsyncGenerator[Club]:
    """A new server; whatever happens on it is answered, once."""
    yield new_club(shared_world)
    assert unanswered(shared_world.discord) == []
    assert answered_twice(shared_world.discord) == []
    assert shared_world.discord.violations == []


def new_club(world: World) -> Club:
    """Make a server with an administrator, a moderator and a member."""
    guild = world.discord.add_guild("Saturday Cup")
    mods = guild.add_role("Mods")
    return Club(
        world=world,
        guild=guild,
        mods=mods,
        hall=guild.add_channel("lobby"),
        approvals=guild.add_channel("decisions", visible_to=[mods]),
        results=guild.add_channel("loot"),
        olga=guild.add_member("Odo", administrator=True),
        max=guild.add_member("Moe", roles=[mods]),
        ana=guild.add_member("Ann"),
    )


# Choosing


async def test_setup_when_everything_is_chosen_then_each_choice_is_saved_and_checked_at_once(
    club: Club,
) -> None:
    """From nothing to the first request, without leaving the panel."""
    panel = await club.setup()
    assert panel.ephemeral
    assert "0 of 4 done" in panel.text
    assert "Who may approve ▫️ not chosen yet" in panel.text
    assert panel.button("Post the panel here").disabled
    assert "the set-up isn't finished" in (await ask(club)).text
    reply = await club.olga.select(panel, APPROVER, [club.mods])
    assert "Saved." in reply.text
    assert "1 of 4 done" in reply.text
    assert "Who may approve ✅ @Mods" in reply.text
    assert club.saved()["approver_role_id"] == club.mods.id
    reply = await club.olga.select(panel, APPROVALS, [club.approvals])
    assert "Where requests are approved ✅ #decisions" in reply.text
    reply = await club.olga.select(panel, RESULTS, [club.results])
    assert "3 of 4 done" in reply.text
    assert "⚠" not in reply.text
    assert not panel.button("Post the panel here").disabled
    assert f"Added: {CASE}" in (await ask(club)).text


async def test_games_when_another_is_chosen_then_its_prices_come_soon_and_it_can_be_asked_for(
    club: Club,
) -> None:
    """Until then its skins are nowhere to be found."""
    await club.choose_all()
    panel = await club.setup()
    assert "Whose skins can be asked for: CS2. Prices from" in panel.text
    reply = await club.ana.slash("request", channel=club.hall, item="Big Grin")
    assert "Added" not in reply.text
    reply = await club.olga.select(panel, "Choose the games", ["rust", "cs2"])
    assert "Saved." in reply.text
    assert "Whose skins can be asked for: CS2, Rust. Prices from" in reply.text
    assert club.saved()["games"] == "cs2,rust"
    await club.world.until(lambda: "There are prices of rust" in club.world.bot.log())
    reply = await club.ana.slash("request", channel=club.hall, item="Big Grin")
    assert "Added: Big Grin" in reply.text


async def ask(club: Club) -> Message:
    """Let Ann put a case into her basket, and return what she sees."""
    reply = await club.ana.slash("request", channel=club.hall, item=CASE)
    return shown(reply)


async def test_approver_when_everyone_is_chosen_then_refused_and_the_old_one_kept(
    club: Club,
) -> None:
    """Every member could spend the money."""
    panel = await club.choose_all()
    reply = await club.olga.select(panel, APPROVER, [club.guild.everyone])
    assert "everyone can't be the approver role" in reply.text
    assert "The role from before was kept." in reply.text
    assert not panel.mentions.everyone
    assert club.saved()["approver_role_id"] == club.mods.id


@pytest.mark.parametrize(
    ("permission", "said"),
    [
        ("VIEW_CHANNEL", "View Channel"),
        ("SEND_MESSAGES", "Send Messages"),
        ("EMBED_LINKS", "Embed Links"),
        ("READ_MESSAGE_HISTORY", "Read Message History"),
    ],
)
async def test_channel_when_a_permission_is_missing_then_it_is_named_until_it_is_there(
    club: Club, permission: str, said: str
) -> None:
    """At once when the channel is chosen, and again with Check everything."""
    club.approvals.deny_bot(permission)
    club.results.deny_bot(permission)
    panel = await club.choose_all()
    for place in ("decisions", "loot"):
        found = next(line for line in panel.text.splitlines() if f"#{place} I lack" in line)
        assert said in found
        assert "Please allow that there." in found
    assert "1 of 4 done" in panel.text
    club.approvals.allow_bot(permission)
    club.results.allow_bot(permission)
    reply = await club.olga.click(panel, "Check everything")
    assert "Checked just now." in reply.text
    assert "3 of 4 done" in reply.text


async def test_channel_when_the_wrong_people_read_it_then_it_warns(club: Club) -> None:
    """Everyone in the approval channel, the moderators not in it, members not in the results."""
    panel = await club.choose_all()
    reply = await club.olga.select(panel, APPROVALS, [club.hall])
    assert "⚠ Everyone can read #lobby, and so every request and its denial." in reply.text
    private = club.guild.add_channel("olgas-own", visible_to=[club.olga])
    reply = await club.olga.select(panel, APPROVALS, [private])
    assert "⚠ @Mods can't see #olgas-own, so nobody would decide." in reply.text
    reply = await club.olga.select(panel, RESULTS, [private])
    assert "Not everyone can read #olgas-own, so some won't see their results." in reply.text
    assert club.saved()["approval_channel_id"] == private.id, "a warning is no refusal"


async def test_panel_when_role_or_channel_are_deleted_later_then_it_says_so(club: Club) -> None:
    """And choosing others puts it right."""
    await club.choose_all()
    club.mods.delete()
    club.approvals.delete()
    club.results.delete()
    panel = await club.setup()
    assert "0 of 4 done" in panel.text
    assert "❌ The role is gone. Please choose another." in panel.text
    assert panel.text.count("❌ The channel is gone, or I can't see it.") == 2
    await club.olga.select(panel, APPROVER, [club.guild.add_role("New mods")])
    await club.olga.select(panel, APPROVALS, [club.guild.add_channel("new-decisions")])
    reply = await club.olga.select(panel, RESULTS, [club.guild.add_channel("new-loot")])
    assert "3 of 4 done" in reply.text


# When it is bought


async def test_delivery_when_not_chosen_then_the_panel_asks_for_it_and_blocks_nothing(
    club: Club,
) -> None:
    """Saved at once, as every choice; a choice that there isn't changes nothing."""
    panel = await club.choose_all()
    assert "3 of 4 done" in panel.text
    assert "When it is bought ▫️ not chosen yet: until then at once." in panel.text
    assert "It can be used now." in panel.text
    assert not panel.button("Post the panel here").disabled
    reply = await club.olga.select(panel, DELIVERY, ["When the member presses Send it now"])
    assert "Saved." in reply.text
    assert "4 of 4 done" in reply.text
    assert "When it is bought ✅ When the member presses Send it now" in reply.text
    assert club.saved()["delivery"] == "when_ready"
    reply = await club.olga.select(panel, DELIVERY, ["At once after the approval"])
    assert "When it is bought ✅ At once after the approval" in reply.text
    assert club.saved()["delivery"] == "at_once"


# Limits


async def test_limits_when_one_is_wrong_then_it_is_named_with_its_range_and_nothing_is_saved(
    club: Club,
) -> None:
    """None of the others either; then all of them at once."""
    panel = await club.choose_all()
    tolerance, lines, limit, undo = (
        "Room above today's price, in percent",
        "Skins in one request",
        "Open requests a member",
        "Seconds to take an approval back",
    )
    before = club.saved()
    for field, typed, said in (
        (tolerance, "51", f"{tolerance} has to be a number from 0 to 50."),
        (tolerance, "five", f"{tolerance} has to be a number from 0 to 50."),
        (lines, "0", f"{lines} has to be a number from 1 to 25."),
        (lines, "26", f"{lines} has to be a number from 1 to 25."),
        (lines, "-3", f"{lines} has to be a number from 1 to 25."),
        (limit, "11", f"{limit} has to be a number from 1 to 10."),
        (undo, "601", f"{undo} has to be a number from 0 to 600."),
    ):
        good = {tolerance: "7", lines: "7", limit: "7", undo: "7"}
        reply = await change_limits(club, panel, **{**good, field: typed})
        assert said in reply.text, typed
        assert club.saved() == before
    reply = await change_limits(
        club, panel, **{tolerance: "7,5 %", lines: "25", limit: "3", undo: "0"}
    )
    assert "Saved." in reply.text
    assert "25 skins a request · 3 requests open a member" in reply.text
    assert "today's price + 7.5 % · 0 seconds to take an approval back" in reply.text
    assert {k: v for k, v in club.saved().items() if k in ("tolerance_bp", "undo_s")} == {
        "tolerance_bp": 750,
        "undo_s": 0,
    }


async def change_limits(club: Club, panel: Message, **typed: str) -> Reply:
    """Open the limits and submit them."""
    opened = await club.olga.click(panel, "Limits")
    return await club.olga.submit(opened.modal, typed)


# Who may ask


async def test_askers_when_roles_are_chosen_then_only_they_may_ask_and_others_are_told_which(
    club: Club,
) -> None:
    """By command, by panel, by a basket that was open before; and everyone again afterwards."""
    panel = await club.choose_all()
    await club.olga.click(panel, "Post the panel here")
    posted = await club.hall.wait_for("Put the skins you would like")
    basket = await ask(club)
    vips, fans = club.guild.add_role("Vips"), club.guild.add_role("Fans")
    reply = await club.olga.select(panel, ASKERS, [vips, fans])
    assert "Who may ask: @Vips, @Fans" in reply.text
    for refused in (
        await club.ana.slash("request", channel=club.hall),
        await club.ana.click(posted, "Ask for skins"),
        await club.ana.click(basket, "More"),
        await club.ana.click(basket, "Send for approval"),
    ):
        assert "Only @Vips, @Fans can ask for skins here." in refused.text
    club.ana.add_role(fans)
    assert CASE in (await club.ana.slash("request", channel=club.hall)).text
    vips.delete()
    reply = await club.olga.click(panel, "Check everything")
    assert "Of these roles, 1 is no longer there." in reply.text
    reply = await club.olga.select(panel, ASKERS, [])
    assert "Who may ask: everyone" in reply.text
    club.ana.remove_role(fans)
    assert CASE in (await club.ana.slash("request", channel=club.hall)).text


# The test card and the panel


async def test_test_card_when_moderators_press_it_then_everyone_sees_who_can_approve(
    club: Club,
) -> None:
    """Others are refused with the role named, and another role has to be confirmed anew."""
    panel = await club.setup()
    assert panel.button("Post a test card").disabled
    panel = await club.choose_all()
    reply = await club.olga.click(panel, "Post a test card")
    assert "The test card is on its way" in reply.text
    card = await club.approvals.wait_for("Test card: can you approve?")
    assert "Nobody has confirmed yet." in card.text
    club.approvals.allow(club.ana, "VIEW_CHANNEL")
    for refused in (club.ana, club.olga):
        reply = await refused.click(card, "I can approve")
        assert "Only @Mods can use these buttons." in reply.text
    for _ in range(2):
        reply = await club.max.click(card, "I can approve")
        assert "Noted: you can approve. Nothing was bought." in reply.text
    await card.wait_for("Confirmed by @Moe")
    reply = await club.olga.click(panel, "Check everything")
    assert "✅ @Mods, confirmed on the test card by @Moe" in reply.text
    elders = club.guild.add_role("Elders")
    reply = await club.olga.select(panel, APPROVER, [elders])
    assert "✅ @Elders" in reply.text
    assert "confirmed" not in reply.text
    reply = await club.max.click(card, "I can approve")
    assert "Only @Elders can use these buttons." in reply.text


async def test_panel_when_the_bot_may_not_post_there_then_it_says_so(club: Club) -> None:
    """With what it needs; where it may, the panel stands for everyone."""
    panel = await club.choose_all()
    club.hall.deny_bot("SEND_MESSAGES")
    reply = await club.olga.click(panel, "Post the panel here")
    assert "I can't post in this channel, so the panel isn't there." in reply.text
    assert club.hall.messages == []
    club.hall.allow_bot("SEND_MESSAGES")
    reply = await club.olga.click(panel, "Post the panel here")
    assert "The panel is posted here." in reply.text
    assert labels(club.hall.messages[0]) == ["Ask for skins", "My requests"]


# Only by who may


async def test_setup_when_used_by_others_then_discord_hides_it_and_the_bot_refuses_it(
    club: Club,
) -> None:
    """Server owners can show a command to anyone, so the bot asks for the permission itself."""
    with pytest.raises(SandboxError, match="permissions missing"):
        await club.setup(club.ana)
    command = club.world.discord.commands["setup"]
    needed = command["default_member_permissions"]
    command["default_member_permissions"] = None
    try:
        reply = await club.ana.slash("setup", channel=club.hall)
    finally:
        command["default_member_permissions"] = needed
    assert "This is for people who may manage the server." in reply.text


async def test_panel_when_its_owner_lost_the_permission_then_it_changes_nothing_any_more(
    club: Club,
) -> None:
    """Every menu, every button, and the form that is still open."""
    panel = await club.choose_all()
    opened = await club.olga.click(panel, "Limits")
    before = club.saved()
    club.olga.remove_role(club.olga.roles[-1])
    replies = [
        await club.olga.select(panel, APPROVER, [club.guild.add_role("Friends")]),
        await club.olga.select(panel, APPROVALS, [club.hall]),
        await club.olga.select(panel, RESULTS, [club.hall]),
        await club.olga.select(panel, ASKERS, []),
        await club.olga.submit(opened.modal, {"Skins in one request": "25"}),
    ]
    for label in ("Limits", "Check everything", "Post a test card", "Post the panel here"):
        replies.append(await club.olga.click(panel, label))  # noqa: PERF401 - one after the other
    unpark = forge(panel, "set1:-:-:unpark")
    replies.append(await club.olga.click(panel, custom_id=unpark))
    for reply in replies:
        assert "This is for people who may manage the server." in reply.text
    assert club.saved() == before
    assert club.hall.messages == []
    assert club.approvals.messages == []


# A server that may not spend


async def start_with_real_money(world: World, *, allowed: str = "") -> None:
    """Start the bot as for the real market, whose minute has the length that all minutes have."""
    await world.start(MARKET="skinsback", SKINSBACK_MINUTE_S="60", ALLOWED_GUILD_IDS=allowed)


@pytest.mark.asyncio(loop_scope="function")
async def test_server_when_it_is_not_allowed_then_it_is_told_its_id_and_can_do_nothing(
    empty_world: World,
) -> None:
    """With real money only listed servers count; one that was taken off the list stops at once."""
    world = empty_world
    await start_with_real_money(await world.set_up(), allowed=f"1, {world.guild.id}")
    card = await world.submit(world.ana, (REDLINE, 1))
    assert "Sandbox" not in card.text
    basket = await put(world, world.ana, CASE)
    screen = shown(await world.ana.slash("trade-url", channel=world.hall))
    mine = shown(await world.ana.slash("my-requests", channel=world.hall))
    panel = shown(await world.olga.slash("setup", channel=world.hall))
    await world.olga.click(panel, "Post the panel here")
    posted = await world.hall.wait_for("Put the skins you would like")
    await world.olga.click(panel, "Post a test card")
    test_card = await world.approvals.wait_for("Test card")
    entering = await world.ana.click(screen, "Change it")
    denying = await world.max.click(card, "Deny")
    assert await world.bot.stop() == 0
    await start_with_real_money(world, allowed="1")
    replies = [
        await world.ana.slash("request", channel=world.hall),
        await world.ana.slash("request", channel=world.hall, item=CASE),
        await world.ana.slash("my-requests", channel=world.hall),
        await world.ana.slash("my-requests", channel=world.hall, number=1),
        await world.ana.slash("trade-url", channel=world.hall),
        await world.olga.slash("setup", channel=world.hall),
        await world.ana.click(basket, "Send for approval"),
        await world.ana.click(basket, "Add skins"),
        await world.ana.click(basket, "More"),
        await world.ana.click(screen, "Change it"),
        await world.ana.submit(entering.modal, {"Trade URL": TRADE_URL}),
        await world.ana.click(posted, "Ask for skins"),
        await world.ana.click(posted, "My requests"),
        await world.max.click(card, "Approve"),
        await world.max.click(card, "Deny"),
        await world.max.submit(denying.modal, {"Why?": "No."}),
        await world.max.click(card, "Details"),
        await world.max.click(test_card, "I can approve"),
        await world.olga.select(panel, APPROVALS, [world.hall]),
        await world.olga.click(panel, "Limits"),
        await world.olga.click(panel, "Post the panel here"),
        await world.olga.click(panel, "Post a test card"),
    ]
    for number, reply in enumerate(replies):
        assert "This server may not spend money yet" in reply.text, number
        assert f"add {world.guild.id} to ALLOWED_GUILD_IDS" in reply.text, number
        assert reply.ephemeral
    assert await world.ana.autocomplete("request", "item", "redline", channel=world.hall) == []
    assert world.rows("SELECT state FROM requests WHERE number = 1") == [{"state": "pending"}]
    assert len(world.hall.messages) == 1
    assert mine.ephemeral
    told = await world.ana.wait_for_dm("waiting for approval")
    question = shown(await world.ana.user.click(told, "Cancel request"))
    await world.ana.user.click(question, "Yes, cancel it")
    await card.wait_for("Cancelled by @Ana")
    assert world.market.batch_calls == []


@pytest.mark.asyncio(loop_scope="function")
async def test_server_when_none_is_listed_with_real_money_then_none_may_spend(
    empty_world: World,
) -> None:
    """Only the sandbox lets every server in."""
    world = empty_world
    await start_with_real_money(await world.set_up())
    reply = await world.olga.slash("setup", channel=world.hall)
    assert f"add {world.guild.id} to ALLOWED_GUILD_IDS" in reply.text
