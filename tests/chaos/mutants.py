"""Deliberately broken bots, to show that the checks can fail.

Each has a fault, which is installed in the bot's process, and a scene that provokes it. The same
scene played by the bot as it is must be without fault.
"""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from bot.domain.keys import parse_purchase_key
from bot.domain.market import FAILED_STATUSES, BuyOutcome, OfferStatus, Order, Refusal
from bot.domain.models import Attempt, LineView, MessageKind, OutboxState, RequestView
from bot.domain.states import LineState
from bot.sandbox.discord import Member, Message
from bot.sandbox.discord.errors import Timeout
from bot.sandbox.skinsback import Fault, KeyCheck, ListLookup, Profile
from bot.services import buying, requests
from bot.services.statuses import Statuses
from bot.skinsback.client import SkinsbackClient
from bot.store import database, outbox, purchases, trade_urls
from bot.store import requests as stored_requests
from bot.store.database import Database, Transaction
from bot.store.vault import Vault, key_from_file
from tests.chaos.arena import Arena, new_url
from tests.chaos.people import approve, ask, buttons_of, click, give_url, status_of
from tests.chaos.plan import Life, Plan
from tests.chaos.troubles import SKINS

_BUY: Final = "market_batch_buy"
_LOOKING_UP: Final = "bot.services.looking_up"

Scene = Callable[[Arena], Awaitable[None]]

_AS_IT_IS: Final = Profile()
_UNSEEN: Final = Profile(visible_after_s=60)
"""A purchase shows up later than any grace period of these rounds."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault by name, where it shows, and as which kinds of violation.

    ``install``: breaks the bot in this process; None as long as the bot has nothing to break there.
    """

    install: Callable[[], None] | None
    scene: Scene
    caught_as: frozenset[str]
    profile: Profile = _AS_IT_IS

    def plan(self, name: str, seed: str) -> Plan:
        """Return the round in which it is caught; without a name, the same one for a sound bot."""
        return Plan(seed=seed, profile=self.profile, lives=(), members=1, mutant=name)


# Scenes


async def asked(arena: Arena, member: Member, *skins: tuple[str, int]) -> Message:
    """Let a member ask, and return the card."""
    number = await ask(arena, member, *skins)
    assert number is not None
    return await arena.approvals.wait_for(
        lambda message: f"Request #{number}:" in message.text and "approve" in buttons_of(message)
    )


async def _approved(arena: Arena, *skins: tuple[str, int]) -> None:
    """Let something be asked for and approved by a bot that lives on."""
    await arena.start_for_good()
    card = await asked(arena, arena.members[0], *skins)
    await approve(arena, arena.moderators[0], card)


async def _another_url_meanwhile(arena: Arena) -> None:
    """The member's Trade URL becomes that of another account; the request keeps its own."""
    await arena.start_for_good()
    member = arena.members[0]
    card = await asked(arena, member, (SKINS[0], 1))
    await give_url(arena, member, new_url(77_000_001))
    await approve(arena, arena.moderators[0], card)


async def _approved_on_an_old_card(arena: Arena) -> None:
    """The request has been sent to another account since the moderator's screen was drawn."""
    await arena.start_for_good()
    member = arena.members[0]
    card = await asked(arena, member, (SKINS[0], 1))
    arena.market.refuse(_BUY, 8)
    await approve(arena, arena.moderators[0], card)
    number = arena.told_sent[0][0]
    await arena.discord.wait_until(lambda: "new_url" in buttons_of(status_of(member, number)))
    reply = await click(arena, member, status_of(member, number), "new_url")
    assert reply is not None
    await give_url(arena, member, new_url(77_000_002), reply.message)
    await card.wait_for(lambda message: "approve" in buttons_of(message))
    await approve(arena, arena.moderators[1], card, as_of=0)


async def _a_rival_comes(arena: Arena) -> None:
    """A second process is started on the same disk."""
    await arena.live(Life(after_s=0.2, rival=True))
    await arena.start_for_good()


async def _dies_before_noting_what_was_posted(arena: Arena) -> None:
    """The result stands in its channel, nobody has noted it, and Discord forgets its nonce."""
    life = Life(step="posted:result", after_s=3.0, down_s=0.6)
    living = asyncio.ensure_future(arena.live(life))
    card = await asked(arena, arena.members[0], (SKINS[0], 1))
    await approve(arena, arena.moderators[0], card)
    await living
    await arena.start_for_good()


async def _dies_while_it_tells_of_a_trade(arena: Arena) -> None:
    """The member reads that a trade waits, and what the bot had not committed is gone."""
    arena.market.script_trades(((0.1, OfferStatus.WAITING_ACCEPT),))
    life = Life(step="posted:trades", after_s=3.0, down_s=0.6)
    living = asyncio.ensure_future(arena.live(life))
    card = await asked(arena, arena.members[0], (SKINS[0], 1))
    await approve(arena, arena.moderators[0], card)
    await living
    await arena.start_for_good()


async def _false_event(arena: Arena) -> None:
    """An event calls a trade over that still waits, and a moderator does what the card offers."""
    arena.market.script_trades(((0.1, OfferStatus.WAITING_ACCEPT),))
    await arena.start_for_good()
    card = await asked(arena, arena.members[0], (SKINS[0], 1))
    await approve(arena, arena.moderators[0], card)
    await arena.discord.wait_until(
        lambda: bool(arena.rows("SELECT 1 FROM attempts WHERE offer_status = 'waiting_accept'"))
    )
    arena.market.tell(arena.market.purchases[0], OfferStatus.TIMEOUT)
    with suppress(Timeout):
        await card.wait_for(lambda message: "try_again" in buttons_of(message), timeout=1.5)
    await click(arena, arena.moderators[0], card, "try_again")


async def _lost_answer(arena: Arena) -> None:
    """The skin is bought, and the answer that says so is lost."""
    arena.market.break_next(_BUY, Fault.DROP, carried_out=True)
    await _approved(arena, (SKINS[0], 1))


async def _half_bought(arena: Arena) -> None:
    """Of two lines one is bought and one is gone, and the answer that says so is lost."""

    def sell() -> None:
        arena.market.sell_out(SKINS[1])

    arena.market.before_next_buy(sell)
    arena.market.break_next(_BUY, Fault.DROP, carried_out=True)
    await _approved(arena, (SKINS[0], 1), (SKINS[1], 1))


async def _unanswered_look_ups(arena: Arena) -> None:
    """The purchase is lost on its way, and then the look-ups are not answered either."""
    arena.market.break_next(_BUY, Fault.DROP, carried_out=False)
    arena.market.break_next("market_getinfo", Fault.DROP, times=12)
    await _approved(arena, (SKINS[0], 1))


async def _one_line_missing(arena: Arena) -> None:
    """Of three lines the answer leaves one out, which was not bought."""
    arena.market.break_next(_BUY, Fault.LINE_MISSING, carried_out=False, line=1)
    await _approved(arena, (SKINS[0], 1), (SKINS[1], 2))


# Faults


def _put(owner: object, name: str, value: object) -> None:
    setattr(owner, name, value)


def _read_the_url_at_send_time() -> None:
    """Send to the account that is the member's own now."""
    opened: list[Database] = []
    open_database, buy = Database.open.__func__, SkinsbackClient.buy  # type: ignore[attr-defined]

    async def remembering(
        cls: type[Database], path: Path, *arguments: Any, **named: Any
    ) -> Database:
        opened.append(await open_database(cls, path, *arguments, **named))
        return opened[-1]

    async def buying_for_whom_it_is_now(
        self: SkinsbackClient, partner: int, token: str, orders: Sequence[Order], **named: Any
    ) -> BuyOutcome:
        vault = Vault([key_from_file(Path(f"{os.environ['DATABASE_PATH']}.key"))])
        parsed = parse_purchase_key(orders[0].purchase_key)
        async with opened[-1].reading() as tx:
            row = await tx.one(
                "SELECT user_id FROM requests WHERE request_id = ?", parsed[0] if parsed else ""
            )
            url = await trade_urls.find(tx, vault, row["user_id"]) if row else None
        if url is not None:
            partner, token = url.partner, url.token
        return await buy(self, partner, token, orders, **named)

    _put(Database, "open", classmethod(remembering))
    _put(SkinsbackClient, "buy", buying_for_whom_it_is_now)


def _ignore_the_digest() -> None:
    """Take a click on any card for an approval of what the request is now."""

    def anything_goes(*_: object) -> None:
        return

    _put(requests, "_require_stamp", anything_goes)
    for name in ("_require_as_approved", "require_as_approved"):
        if hasattr(buying, name):
            _put(buying, name, anything_goes)


def _take_no_lock() -> None:
    """Run beside whoever is there."""

    def unlocked(path: Path) -> int:
        return os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT)

    _put(database, "_lock", unlocked)


def _record_after_telling() -> None:
    """Note that a message may be on its way only when it has arrived, and believe that note."""

    async def unrecorded(tx: Transaction, outbox_id: int) -> bool:
        return True

    async def unsearched(tx: Transaction) -> None:
        return

    _put(outbox, "mark_trying", unrecorded)
    _put(outbox, "search_first", unsearched)


def _tell_before_the_commit() -> None:
    """Tell of a trade in the middle of the transaction that writes it down."""
    tell: Any = vars(Statuses)["_tell"]

    async def at_once(self: Any, tx: Transaction, view: RequestView, *rest: Any) -> None:
        await tell(self, tx, view, *rest)
        request_id = view.request.request_id
        row = await outbox.latest_part(tx, request_id, MessageKind.TRADES)
        current = await stored_requests.get(tx, request_id)
        if row is None or current is None or row.state is not OutboxState.WAITING:
            return
        posted = await self._announcements._poster.post(row, current)
        await outbox.mark_posted(
            tx,
            row.outbox_id,
            channel_id=posted.channel_id,
            message_id=posted.message_id,
            shown=row.wanted,
        )

    async def waiting(self: Any, work: Any) -> Any:
        async with self.writing() as tx:
            return await work(tx)

    _put(Statuses, "_tell", at_once)
    # Within a transaction that is done in one go nothing else can be waited for.
    _put(Database, "write", waiting)


def _believe_events() -> None:
    """Take an event for the end of a purchase, and never ask the market whether it is."""
    hint: Any = vars(Statuses)["hint"]

    async def believed(
        self: Any,
        tx: Transaction,
        view: RequestView,
        line: LineView,
        attempt: Attempt,
        **told: Any,
    ) -> bool:
        status = told["offer_status"]
        if status not in FAILED_STATUSES:
            return bool(await hint(self, tx, view, line, attempt, **told))
        await tx.execute(
            "UPDATE attempts SET offer_status = ?, closed_at = status_at, check_at = NULL "
            "WHERE purchase_key = ?",
            status,
            attempt.purchase_key,
        )
        await outbox.touch(tx, view.request.request_id)
        return True

    async def unasked(self: Any, view: RequestView) -> frozenset[str]:
        lines = view.in_state(LineState.RECHECK)
        return frozenset(line.last.purchase_key for line in lines if line.last)

    _put(Statuses, "hint", believed)
    _put(_look_ups().LookUps, "still_failed", unasked)


def _look_ups() -> Any:
    return importlib.import_module(_LOOKING_UP)


def _take_a_new_key_for_a_resend() -> None:
    """Buy what nobody knows anew: the next listing, under the next key."""
    commit: Any = vars(buying.Buying)["_commit_resend"]

    async def under_the_next_key(self: Any, view: RequestView) -> Any:
        batch = await commit(self, view)
        if batch is None:
            return None
        anew = [
            Order(order.listing_id + 1, order.max_price, f"{order.purchase_key[:-2]}02")
            for order in batch.orders
        ]
        return replace(batch, orders=tuple(anew))

    _put(buying.Buying, "_commit_resend", under_the_next_key)


def _believe_a_refused_resend() -> None:
    """Take the refusal of a second send for the end of the first one too."""
    record_refusal: Any = vars(purchases)["record_refusal"]

    async def believed(tx: Transaction, key: str, refusal: Refusal, **named: Any) -> Any:
        await tx.execute("UPDATE attempts SET sends = 1 WHERE purchase_key = ?", key)
        return await record_refusal(tx, key, refusal, **named)

    _put(purchases, "record_refusal", believed)


def _believe_lists() -> None:
    """Take what a look-up of several purchases leaves out for not there."""
    module = _look_ups()
    ask: Any = module.LookUps.ask

    async def at_once(self: Any, keys: Sequence[str]) -> Any:
        if len(keys) == 1:
            return await ask(self, keys)
        found = await self._ask_for_all(keys)
        return module.Answers(found, frozenset(keys) - found.keys())

    _put(module.LookUps, "ask", at_once)


def _count_unanswered_look_ups() -> None:
    """Take no answer about a purchase for the answer that it isn't there."""
    module = _look_ups()
    ask: Any = module.LookUps.ask

    async def whatever_was_said(self: Any, keys: Sequence[str]) -> Any:
        answers = await ask(self, keys)
        return module.Answers(answers.found, frozenset(keys) - answers.found.keys())

    _put(module.LookUps, "ask", whatever_was_said)


def _resend_everything() -> None:
    """Send the whole batch once more, also what was bought of it."""
    commit: Any = vars(buying.Buying)["_commit_resend"]

    async def with_all_lines(self: Any, view: RequestView) -> Any:
        batch = await commit(self, view)
        if batch is None:
            return None
        orders = [
            Order(one.last.listing_id, one.last.max_price, one.last.purchase_key)
            for one in view.lines
            if one.last is not None
        ]
        return replace(batch, orders=tuple(orders))

    _put(buying.Buying, "_commit_resend", with_all_lines)


def _if_it_looks_up(install: Callable[[], None]) -> Callable[[], None] | None:
    return install if find_spec(_LOOKING_UP) is not None else None


MUTANTS: Final[dict[str, Mutant]] = {
    "reads the Trade URL at send time": Mutant(
        _read_the_url_at_send_time,
        _another_url_meanwhile,
        frozenset({"wrong account", "unapproved"}),
    ),
    "ignores the digest": Mutant(
        _ignore_the_digest, _approved_on_an_old_card, frozenset({"unapproved"})
    ),
    "no flock": Mutant(_take_no_lock, _a_rival_comes, frozenset({"rival"})),
    "records after telling": Mutant(
        _record_after_telling, _dies_before_noting_what_was_posted, frozenset({"told once"})
    ),
    "new key on a resend": Mutant(
        _if_it_looks_up(_take_a_new_key_for_a_resend),
        _lost_answer,
        frozenset({"bought twice"}),
        _UNSEEN,
    ),
    "substitutes after a refused resend": Mutant(
        _if_it_looks_up(_believe_a_refused_resend),
        _lost_answer,
        frozenset({"bought twice"}),
        Profile(visible_after_s=60, key_check=KeyCheck.LAST),
    ),
    "takes a list's silence as not found": Mutant(
        _if_it_looks_up(_believe_lists),
        _half_bought,
        frozenset({"sent again"}),
        Profile(visible_after_s=60, list_lookup=ListLookup.CUT),
    ),
    "counts unanswered look-ups": Mutant(
        _if_it_looks_up(_count_unanswered_look_ups),
        _unanswered_look_ups,
        frozenset({"sent again"}),
    ),
    "tells before it commits": Mutant(
        _tell_before_the_commit, _dies_while_it_tells_of_a_trade, frozenset({"told once"})
    ),
    "believes events": Mutant(
        _if_it_looks_up(_believe_events), _false_event, frozenset({"bought twice", "bought again"})
    ),
    "resends the whole batch": Mutant(
        _if_it_looks_up(_resend_everything), _one_line_missing, frozenset({"sent again"})
    ),
}
"""Every mutant by its name."""
