"""Every cog loads into the real bot; commands, ids and handlers are what Discord and we agreed."""

from __future__ import annotations

import ast
import inspect
import unicodedata
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from cryptography.fernet import Fernet
from discord import Permissions, ui

from bot.__main__ import build
from bot.app import COGS, Quartermaster
from bot.config import Settings
from bot.domain.market import Quote
from bot.domain.models import (
    Event,
    EventKind,
    GuildSettings,
    MessageKind,
    Pause,
    PauseCause,
    WaitReason,
)
from bot.domain.money import Micros
from bot.domain.picking import Search
from bot.domain.states import AttemptState, RequestState
from bot.domain.trade_url import TradeUrl
from bot.services.approvals import Where
from bot.services.catalogue import Matches, PriceAge
from bot.services.picking import Found
from bot.services.ports import Paused
from bot.skinsback.client import SkinsbackClient
from bot.store.database import Database
from bot.store.vault import Vault
from bot.ui import text
from bot.ui.cards import (
    approval,
    attention,
    basket,
    delivery_notice,
    history,
    member,
    money,
    notices,
    paste,
    queue,
    repricing,
    result,
    results,
    setup,
    skins,
    trade_url,
    trades,
)
from bot.ui.cards.frame import Frame
from bot.ui.checks import PlaceFinding, RoleFinding, SetupFindings
from bot.ui.custom_ids import CustomId, Space
from tests.ui import examples
from tests.ui.test_card_limits import parked_row

ROOT: Final = Path(__file__).parents[1]
FRAME: Final = Frame(commands={"request": 1})
URL: Final = TradeUrl(examples.PARTNER, "aB3-_xYz")
CARDS: Final[tuple[ModuleType, ...]] = (
    approval,
    attention,
    basket,
    delivery_notice,
    history,
    member,
    money,
    notices,
    paste,
    queue,
    repricing,
    result,
    results,
    setup,
    skins,
    trade_url,
    trades,
)
Shown = ui.LayoutView | ui.Modal | ui.View
DRAWN: Final = ("ui.LayoutView", "ui.Modal", "Classic")

# Lengths: https://discord.com/developers/docs/interactions/application-commands
NAME_MAX: Final = 32
TEXT_MAX: Final = 100
OPTIONS_MAX: Final = 25
CHOICES_MAX: Final = 25
COMMANDS_MAX: Final = 100
COMMAND_TEXT_MAX: Final = 8_000


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Quartermaster]:
    """The real bot as it is wired for a start, with its commands loaded, and never connected."""
    settings = Settings("token", database_path=tmp_path / "quartermaster.db")
    async with (
        await Database.open(settings.database_path) as database,
        SkinsbackClient(url="http://127.0.0.1:9/", client_id="1", client_secret="s") as market,
    ):
        vault = Vault([Fernet.generate_key().decode()])
        house = build(settings, database, vault, market, project="1")
        for name in COGS:
            await house.bot.load_extension(name)
        yield house.bot
        await house.bot.close()


def payloads(bot: Quartermaster) -> list[dict[str, Any]]:
    return [command.to_dict(bot.tree) for command in bot.tree.get_commands()]


def every_part(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Return a command, its options and their options."""
    yield payload
    for option in payload.get("options", ()):
        yield from every_part(option)


def is_command_name(name: str) -> bool:
    """Say whether Discord takes a name: letters, digits, ``-_'`` in lower case."""
    fits = all(char in "-_'" or unicodedata.category(char)[0] in "LN" for char in name)
    return fits and name == name.lower() and 1 <= len(name) <= NAME_MAX


class TestCommands:
    """What is synced with Discord."""

    async def test_cogs_in_the_list_are_all_that_there_are(self, bot: Quartermaster) -> None:
        files = {f"cogs.{path.stem}" for path in (ROOT / "cogs").glob("[!_]*.py")}
        assert files == set(COGS)
        assert len(bot.cogs) == len(COGS)

    async def test_commands_are_those_that_texts_mention(self, bot: Quartermaster) -> None:
        assert {payload["name"] for payload in payloads(bot)} == set(text.COMMAND_NAMES)
        assert len(payloads(bot)) <= COMMANDS_MAX

    async def test_command_names_and_descriptions_fit_discord(self, bot: Quartermaster) -> None:
        for payload in payloads(bot):
            for part in every_part(payload):
                assert is_command_name(part["name"])
                assert 1 <= len(part["description"]) <= TEXT_MAX
                assert len(part.get("options", ())) <= OPTIONS_MAX

    async def test_command_options_and_choices_fit_discord(self, bot: Quartermaster) -> None:
        for payload in payloads(bot):
            for option in [part for part in every_part(payload) if part is not payload]:
                choices = option.get("choices", ())
                assert len(choices) <= CHOICES_MAX
                assert all(1 <= len(choice["name"]) <= TEXT_MAX for choice in choices)
                assert all(len(str(choice["value"])) <= TEXT_MAX for choice in choices)
                assert 0 <= option.get("min_length", 0) <= 6_000
                assert 1 <= option.get("max_length", 1) <= 6_000
            required = [option.get("required", False) for option in payload.get("options", ())]
            assert required == sorted(required, reverse=True)

    async def test_command_as_a_whole_fits_discord(self, bot: Quartermaster) -> None:
        for payload in payloads(bot):
            length = sum(
                len(part["name"])
                + len(part["description"])
                + sum(
                    len(choice["name"]) + len(str(choice["value"]))
                    for choice in part.get("choices", ())
                )
                for part in every_part(payload)
            )
            assert length <= COMMAND_TEXT_MAX

    async def test_commands_are_offered_where_and_to_whom_they_work(
        self, bot: Quartermaster
    ) -> None:
        server, private = 0, 1
        offered = {
            payload["name"]: (payload["contexts"], payload["default_member_permissions"])
            for payload in payloads(bot)
        }
        assert offered == {
            "request": ([server], None),
            "my-requests": ([server], None),
            "skins": ([server], None),
            "trade-url": ([server, private], None),
            "approvals": ([server], Permissions(manage_messages=True).value),
            "setup": ([server], Permissions(manage_guild=True).value),
            "quartermaster": ([server], Permissions(manage_guild=True).value),
        }

    async def test_no_option_asks_for_the_trade_url(self, bot: Quartermaster) -> None:
        """Discord shows what was typed into an option to everyone for a while, and keeps it."""
        options = [
            part["name"]
            for payload in payloads(bot)
            for part in every_part(payload)
            if part is not payload
        ]
        assert not [name for name in options if "url" in name or "token" in name]


def every_screen() -> dict[str, list[Shown]]:
    """Return every card, screen and modal by the function that draws it, in all its states."""
    views = [
        examples.view(state, waits_for=waits_for, expires_at=examples.NOW, claimable_at=1)
        for state in RequestState
        for waits_for in (None, *WaitReason)
    ]
    views += [
        examples.view(state, [examples.tried(1, attempt, code=5)])
        for state in (RequestState.BUYING, RequestState.BOUGHT)
        for attempt in AttemptState
    ]
    views += [examples.unknown_view(2), examples.unknown_view(2, attention_at=examples.NOW)]
    views += [examples.refused_view(2), examples.waiting_view(2), examples.missed_view(2)]
    trades_row = examples.row_of(MessageKind.TRADES)
    notice_row = examples.row_of(MessageKind.DELIVERY_NOTICE, to_member=False)
    baskets = [
        examples.basket(),
        examples.basket([examples.pick()], note="x"),
        examples.basket([examples.pick(number) for number in range(1, 20)]),
        examples.basket(pasted_left=3),
    ]
    chosen = GuildSettings(1, 2, 3, 4)
    found = SetupFindings(RoleFinding(2), PlaceFinding(3), PlaceFinding(4))
    quotes = tuple(Quote("cs2", name, Micros(1), 1, "") for name in ("a", "b"))
    some_found = [
        Found(
            baskets[1],
            Search(1, examples.REQUEST_ID, "a", 25, ceiling),
            Matches(quotes, total),
            ("cs2",),
            PriceAge(1),
        )
        for total, ceiling in ((2, None), (60, Micros(10**11)))
    ]
    contexts = ("", "basket", examples.REQUEST_ID)
    games, origin = ("cs2", "rust"), skins.Origin(10**9 - 1, 10**5 - 1)
    return {
        "approval_card": [approval.approval_card(view, FRAME) for view in views],
        "approval_details": [
            approval.approval_details(view, [], FRAME, balance=None) for view in views
        ],
        "delivery_notice": [
            delivery_notice.delivery_notice(notice_row, view, FRAME).view(1) for view in views
        ],
        "trade_message": [
            trades.trade_message(row, view, FRAME, guild_name="x").view(1)
            for row in (trades_row, replace(trades_row, to_member=False))
            for view in views
        ],
        "trades_screen": [trades.trades_screen(view, FRAME) for view in views],
        "deny_modal": [approval.deny_modal(views[0].request)],
        "settle_screen": [
            attention.settle_screen(examples.unknown_view(count), FRAME, chosen=chosen)
            for count in (1, 25)
            for chosen in ([], [1], range(1, 26))
        ],
        "settled_screen": [attention.settled_screen(views[0], FRAME, notice="x")],
        "bought_modal": [attention.bought_modal(examples.unknown_view(1), 99)],
        "not_bought_modal": [attention.not_bought_modal(examples.unknown_view(9), range(1, 100))],
        "basket_screen": [
            basket.basket_screen(one, FRAME, settings=chosen, trade_url=url, page=1, extra=extra)
            for one in baskets
            for url in (None, URL)
            for extra in (results.search_again(1), results.back_to_results(1, 25))
        ],
        "line_screen": [
            basket.line_screen(baskets[1], pick, FRAME, quote=None)
            for pick in (examples.pick(), examples.pick(listing_id=5))
        ],
        "moved_screen": [repricing.moved_screen(examples.question(25), FRAME)],
        "results_screen": [results.results_screen(found, FRAME) for found in some_found],
        "more_screen": [basket.more_screen(one, FRAME) for one in baskets],
        "empty_question": [basket.empty_question(baskets[1], FRAME)],
        "add_modal": [basket.add_modal(baskets[1])],
        "ceiling_modal": [basket.ceiling_modal(baskets[1], examples.pick(2**31))],
        "note_modal": [basket.note_modal(baskets[1])],
        "member_status": [member.member_status(view, FRAME, guild_name="x") for view in views],
        "sent_screen": [
            member.sent_screen(views[0], FRAME, dm_failed=failed, results_channel_id=1)
            for failed in (True, False)
        ],
        "request_list": [member.request_list(some, FRAME) for some in ([], views[:10])],
        "request_detail": [member.request_detail(view, [], FRAME) for view in views],
        "history_screen": [
            history.history_screen(
                views[0],
                [Event(number, EventKind.DENIED, number, {}) for number in range(60)],
                FRAME,
                for_moderator=for_moderator,
                page=1,
            )
            for for_moderator in (True, False)
        ],
        "queue_screen": [queue.queue_screen(examples.queue(views[:12], pages=2), FRAME)],
        "private_card": [
            queue.private_card(examples.card(views[0], where), FRAME) for where in Where
        ],
        "cancel_question": [member.cancel_question(views[0], FRAME)],
        "money_screen": [
            money.money_screen(examples.money_report(count, page, 3), FRAME, chosen=places)
            for count in (0, 1, 25)
            for page in (1, 2, 3)
            for places in (range(0), range(1, 26))
        ],
        "notice": [notices.notice("x", FRAME)],
        "paste_screen": [
            paste.paste_screen(examples.pasted_rest(count, first=first), FRAME)
            for count in (1, 7, 8)
            for first in (0, 7)
        ],
        "paste_leave_question": [paste.paste_leave_question(baskets[0], ["x"], FRAME)],
        "paste_modal": [paste.paste_modal(baskets[0])],
        "paste_fix_modal": [paste.paste_fix_modal(baskets[0], ["x"] * 2000)],
        "moderator_notice": [notices.moderator_notice("x", FRAME)],
        "pause_over": [notices.pause_over(FRAME)],
        "pause_notice": [
            notices.pause_notice(Paused((Pause(cause, 1, None, ""),), None), FRAME)
            for cause in PauseCause
        ],
        "server_not_allowed": [notices.server_not_allowed(1, FRAME)],
        "result_card": [result.result_card(view, FRAME) for view in views],
        "setup_panel": [
            setup.setup_panel(
                chosen, FRAME, findings=found, confirmed=[1], parked=parked, allowed=allowed
            )
            for parked in ([], [parked_row(1, "no")])
            for allowed in (True, False)
        ],
        "skins_page": [
            skins.skins_page(found, FRAME)
            for found in (examples.found(0), examples.found(7, first=7, total=21))
        ],
        "filters_screen": [skins.filters_screen(examples.found(1, games=games), FRAME)],
        "skin_screen": [skins.skin_screen(examples.look(), FRAME, origin)],
        "listings_screen": [
            skins.listings_screen(examples.listed(60), FRAME, origin, first=25),
        ],
        "find_modal": [skins.find_modal(examples.found(1))],
        "prices_modal": [skins.prices_modal(examples.found(1))],
        "go_modal": [skins.go_modal(examples.found(1))],
        "limits_modal": [setup.limits_modal(chosen)],
        "test_card": [setup.test_card(chosen, FRAME, confirmed=[])],
        "panel_message": [setup.panel_message(FRAME)],
        "trade_url_screen": [
            trade_url.trade_url_screen(FRAME, known=known, context=context)
            for known in (None, URL)
            for context in contexts
        ],
        "trade_url_modal": [trade_url.trade_url_modal(context) for context in contexts],
        "trade_url_confirm": [
            trade_url.trade_url_confirm(URL, examples.REQUEST_ID, FRAME, context=context)
            for context in contexts
        ],
        "trade_url_forget_question": [
            trade_url.trade_url_forget_question(FRAME, context=context) for context in contexts
        ],
        "trade_url_saved": [trade_url.trade_url_saved(URL, FRAME)],
    }


def custom_ids() -> list[str]:
    """Return the custom id of everything that can be pressed, chosen or sent."""
    found = []
    for screens in every_screen().values():
        for shown in screens:
            if isinstance(shown, ui.Modal):
                found.append(shown.custom_id)
            else:
                parts = examples.payloads(shown)
                found += [part["custom_id"] for part in parts if part.get("custom_id")]
    return found


class TestClicks:
    """What can be pressed and who answers it."""

    def test_every_function_that_draws_is_drawn_here(self) -> None:
        drawing = {
            name
            for module in CARDS
            for name, function in inspect.getmembers(module, inspect.isfunction)
            if function.__module__ == module.__name__
            and not name.startswith("_")
            and inspect.signature(function).return_annotation in DRAWN
        }
        assert drawing == set(every_screen())

    async def test_every_button_has_a_handler_and_every_handler_a_button(
        self, bot: Quartermaster
    ) -> None:
        parsed = [CustomId.parse(custom_id) for custom_id in custom_ids()]
        pressed = {(one.space, one.verb) for one in parsed if one is not None}
        assert None not in parsed
        assert pressed == bot.router.verbs

    def test_every_custom_id_fits_discord(self) -> None:
        assert max(len(custom_id) for custom_id in custom_ids()) <= 100

    def test_every_field_of_a_modal_is_read_by_a_cog(self) -> None:
        fields = {
            part["custom_id"]
            for screens in every_screen().values()
            for shown in screens
            if isinstance(shown, ui.Modal)
            for part in examples.payloads(shown)
            if part.get("custom_id")
        }
        written = {
            node.value
            for path in (ROOT / "cogs").glob("*.py")
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Constant)
        }
        assert fields <= written

    async def test_second_handler_for_a_button_is_refused(self, bot: Quartermaster) -> None:
        space, verb = next(iter(bot.router.verbs))

        async def another(_: object) -> None:
            raise AssertionError

        with pytest.raises(ValueError, match="has a handler already"):
            bot.router.on(space, verb, another)


class TestCustomIds:
    """Custom ids as texts."""

    @pytest.mark.parametrize("space", Space)
    @pytest.mark.parametrize("tail", ["", "x", "2.130200", "abcdefghij234567klmn", "-"])
    def test_custom_id_at_its_longest_is_read_back_as_it_was_made(
        self, space: Space, tail: str
    ) -> None:
        made = CustomId(space, "v" * 20, "s" * 24, "d" * 16, tail)
        assert CustomId.parse(str(made)) == made
        assert len(str(made)) <= 100
        longest = CustomId(space, "v" * 20, "s" * 24, "d" * 16, "t" * 30)
        assert len(str(longest)) <= 100
        assert CustomId.parse(str(longest)) == longest

    @pytest.mark.parametrize(
        "custom_id",
        [
            "",
            "approve",
            "req1",
            "req1:a:b",
            "req2:a:b:approve",
            "REQ1:a:b:approve",
            "req1:a:b:approve:",
            "req1:a:b:approve:x:y",
            "req1:a:b:approve\n",
            " req1:a:b:approve",
            "req1::b:approve",
            "req1:a:b:Approve",
            f"req1:{'a' * 25}:b:approve",
            f"req1:a:{'b' * 17}:approve",
            f"req1:a:b:{'v' * 21}",
            "x" * 100,
        ],
    )
    def test_custom_id_that_is_none_of_ours_is_told_apart(self, custom_id: str) -> None:
        assert CustomId.parse(custom_id) is None


async def test_ready_that_comes_when_the_bot_is_closed_is_no_fault() -> None:
    """The library's wait for it goes on after a quick stop, and would end in its log."""
    bot = Quartermaster(sandbox=True, operator_ids=frozenset())
    await bot.close()
    bot.dispatch("ready")
