"""What must be true after a round: the books against the market's ledger and what was posted.

All of it is computed anew from what was seen from outside (the ledger, the calls, the messages,
what people pressed and were told) and from the rows of the database.
"""

from __future__ import annotations

import json
import re
import sqlite3
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from bot.domain.keys import DIGEST_SHOWN, digest_of, mark_of, parse_purchase_key
from bot.domain.market import FAILED_STATUSES, OfferStatus
from bot.domain.models import Line, MessageKind
from bot.domain.money import Micros
from bot.domain.trade_url import TradeUrl, profile_url, steam_id_of
from bot.sandbox.discord import Message
from bot.sandbox.discord.components import Kind, walk
from bot.sandbox.discord.drawing import texts_of
from bot.sandbox.skinsback.ledger import Call, LedgerEntry
from bot.services.outcomes import Alarm
from bot.ui import text
from tests.chaos.arena import Approval, Violation
from tests.chaos.market import Told
from tests.chaos.pace import MINUTE_S, SETTLES_MS
from tests.chaos.plan import Plan
from tests.e2e.cases import items_of

Row = Mapping[str, Any]

LOOKS_UP: Final = True
"""Whether the bot looks unknown purchases up, sends once more and reads the market's history.

As long as it doesn't, what is unknown stays so, and an older copy of the disk may buy again.
"""

STOPS_IN_ORDER: Final = True
"""Whether a bot that is asked to stop lets be answered what people did before."""

CALLS_A_MINUTE: Final = 400
_MINUTE_S: Final = MINUTE_S * 0.95
"""A little less, because calls that leave one after another may arrive closer together."""
MISSES_NEEDED: Final = 5
"""Answered look-ups of a key alone before it may be sent once more."""

SOON_S: Final = 5.0
"""A purchase that shows up later isn't seen in a round at all."""
_TRACEBACK: Final = "Traceback (most recent call last):"
_CHAINED: Final = re.compile("During handling of the above|The above exception was the direct")
_IN_A_COMMAND: Final = (
    r"(discord\.app_commands\.errors\.CommandInvokeError: Command '.*' raised an exception: )?"
)
_DISCORD_DID_IT: Final = re.compile(
    _IN_A_COMMAND + r"([\w.]*\.)?(Client\w*Error|Server\w*Error|DiscordServerError|"
    r"HTTPException: 429|"
    r"ConnectionResetError|ConnectionRefusedError)\b.*"
)
"""What answering a click may fail with: it is logged under a reference."""

_STOPPED: Final = "Stopping: what is on the wire is waited for."
_WHILE_STOPPING: Final = re.compile(
    _IN_A_COMMAND + r"(RuntimeError: Session is closed|ValueError: (no active c|C)onnection.*|"
    r"sqlite3\.ProgrammingError: Cannot operate on a closed database.*)"
)
"""What clicks fail with that a stop leaves in the lurch."""
_LIBRARY_STOPPED: Final = re.compile(r"AttributeError: '_MissingSentinel' object has no .*")
"""What a task of the Discord library's own says that outlives the client."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of a round at its end."""

    plan: Plan
    ledger: Sequence[LedgerEntry]
    calls: Sequence[Call]
    tables: Mapping[str, Sequence[Row]]
    drawn: Mapping[int, str]
    """By the outbox row's id: what its message has to say, drawn anew from the database."""
    messages: Sequence[Message]
    approvals_channel: int
    pressed: Sequence[Approval]
    told: Sequence[Told]
    """What the market has answered about purchases."""
    told_sent: Sequence[tuple[int, int]]
    urls: Mapping[int, Sequence[TradeUrl]]
    copied_at: Sequence[int]
    copied_numbers: Sequence[int]
    started_at: Sequence[float]
    grace_s: float
    logs: Mapping[str, str]
    secrets: frozenset[str]

    @property
    def restored(self) -> bool:
        """Whether an older copy of the disk came back."""
        return bool(self.copied_at)

    @property
    def strict(self) -> bool:
        """Whether nothing is forgiven: not what the bot can't know yet after an older copy."""
        return LOOKS_UP or not self.restored

    @property
    def can_be_found(self) -> bool:
        """Whether the market shows a purchase before the round is over."""
        return self.plan.profile.visible_after_s < SOON_S

    def requests(self) -> dict[str, Row]:
        """Return the submitted requests by their id."""
        return {row["request_id"]: row for row in self.tables["requests"] if row["number"]}

    def attempts(self) -> dict[str, Row]:
        """Return the attempts by their purchase key."""
        return {row["purchase_key"]: row for row in self.tables["attempts"]}

    def batches(self) -> list[tuple[Call, list[dict[str, Any]]]]:
        """Return the calls that bought, with their lines."""
        batches = [call for call in self.calls if call.method == "market_batch_buy"]
        return [(call, items_of(call)) for call in batches]

    def sends(self) -> dict[str, list[Call]]:
        """Return by purchase key every call that it arrived in."""
        found: dict[str, list[Call]] = defaultdict(list)
        for call, lines in self.batches():
            for line in lines:
                found[str(line["custom_id"])].append(call)
        return found

    def events(self, kind: str) -> list[Row]:
        """Return what happened of a kind, in order, with ``details`` read."""
        return [
            {**row, "details": json.loads(row["details"])}
            for row in self.tables["events"]
            if row["kind"] == kind
        ]


Check = Callable[[Evidence], Iterator[str]]


def check(evidence: Evidence) -> list[Violation]:
    """Return everything that is wrong."""
    return [Violation(kind, detail) for kind, holds in CHECKS.items() for detail in holds(evidence)]


# Money


def _bought_twice(evidence: Evidence) -> Iterator[str]:
    """At most one purchase of a line is alive at the market.

    But for one that the market called failed, to us, and made accepted after the next one had been
    bought for it: that has to be an alarm. After an older copy the alarm may be forgotten.
    """
    if not evidence.strict:
        return
    alive: dict[tuple[str, int], list[LedgerEntry]] = defaultdict(list)
    for entry in evidence.ledger:
        parsed = parse_purchase_key(str(entry.key))
        if entry.alive and parsed:
            alive[parsed[:2]].append(entry)
    for line, entries in alive.items():
        *earlier, _ = sorted(entries, key=lambda entry: str(entry.key))
        if not all(_came_back(evidence, entry) for entry in earlier):
            yield f"{line} {len(entries)} times"
        elif earlier and not evidence.restored and line[0] not in _alarmed(evidence):
            yield f"{line} {len(entries)} times, and nobody was told"


def _came_back(evidence: Evidence, entry: LedgerEntry) -> bool:
    """Say whether the market called a purchase failed and then made it accepted after all."""
    called_failed = [
        told.at for told in evidence.told if told.statuses.get(entry.buy_id) in FAILED_STATUSES
    ]
    return (
        entry.status == OfferStatus.ACCEPTED
        and bool(called_failed)
        and entry.history[-1][0] >= max(called_failed)
    )


def _alarmed(evidence: Evidence) -> set[str]:
    """Return the requests of which a purchase came back after another was bought for it."""
    return {
        row["request_id"]
        for row in evidence.events("alarm")
        if row["details"].get("alarm") == Alarm.CAME_BACK
    }


def _not_ours(evidence: Evidence) -> Iterator[str]:
    """Every purchase carries a key of ours."""
    for entry in evidence.ledger:
        if entry.key is None or parse_purchase_key(entry.key) is None:
            yield f"purchase {entry.buy_id} under {entry.key}"


def _unapproved(evidence: Evidence) -> Iterator[str]:
    """What was bought is, to the letter, what a moderator has seen and approved before."""
    pressed = defaultdict(list)
    for press in evidence.pressed:
        pressed[press.request_id].append(press)
    lines = defaultdict(list)
    for row in evidence.tables["lines"]:
        lines[row["request_id"]].append(row)
    requests = evidence.requests()
    for entry in evidence.ledger:
        parsed = parse_purchase_key(str(entry.key))
        if parsed is None:
            continue
        seen = [press for press in pressed[parsed[0]] if _shows(press, entry)]
        if not seen:
            yield f"{entry.key}: {entry.name} for {entry.partner} was on no card that was approved"
            continue
        request = requests.get(parsed[0])
        # Of a request that an older copy has forgotten, the card is all that is left.
        if evidence.restored:
            continue
        if request is None:
            yield f"{entry.key} is of no request"
        elif not _digests(request, entry.partner, lines[parsed[0]]) & {p.stamp for p in seen}:
            yield f"{entry.key} for {entry.partner}: no such digest was approved"


def _digests(request: Row, partner: int, lines: Sequence[Row]) -> set[str]:
    """Return the digests of all versions of a request, had they gone to this account."""
    made = [
        Line(
            line_no=row["line_no"],
            game=row["game"],
            market_hash_name=row["market_hash_name"],
            listing_id=row["listing_id"],
            quote=Micros(row["quote"]),
            ceiling=Micros(row["ceiling"]),
            class_id=row["class_id"],
        )
        for row in sorted(lines, key=lambda row: row["line_no"])
    ]
    return {
        digest_of(
            request_id=request["request_id"],
            guild_id=request["guild_id"],
            version=version,
            partner=partner,
            lines=made,
        )[:DIGEST_SHOWN]
        for version in range(1, request["version"] + 2)
    }


def _shows(press: Approval, entry: LedgerEntry) -> bool:
    """Say whether a card named what was bought, at the ceiling sent, for the account it went to."""
    wanted = (entry.name, profile_url(entry.partner), text.usd(entry.max_price or Micros(0)))
    return all(each in press.shown.replace("\\", "") for each in wanted)


def _above_ceiling(evidence: Evidence) -> Iterator[str]:
    """No ceiling above the approved one is sent, and nothing dearer bought but by a fault."""
    if evidence.restored:
        # A basket that an older copy brings back may be sent again with other skins.
        return
    ceilings = {(row["request_id"], row["line_no"]): row for row in evidence.tables["lines"]}
    for entry in evidence.ledger:
        parsed = parse_purchase_key(str(entry.key))
        line = ceilings.get(parsed[:2]) if parsed else None
        if line is None:
            continue
        if entry.max_price is None or entry.max_price > line["ceiling"]:
            yield f"{entry.key}: sent {entry.max_price}, approved {line['ceiling']}"
        if entry.debited > line["ceiling"] and not evidence.plan.alarms:
            yield f"{entry.key}: paid {entry.debited}, approved {line['ceiling']}"


def _wrong_account(evidence: Evidence) -> Iterator[str]:
    """The skins go to the account of the attempt, by a Trade URL that its member gave for it."""
    requests, attempts = evidence.requests(), evidence.attempts()
    for entry in evidence.ledger:
        row = attempts.get(str(entry.key))
        if row is not None and row["steam_id"] != steam_id_of(entry.partner):
            yield f"{entry.key}: bought for {entry.partner}, meant for {row['steam_id']}"
    for call, lines in evidence.batches():
        parsed = parse_purchase_key(str(lines[0]["custom_id"]))
        request = requests.get(parsed[0]) if parsed else None
        if request is None:
            continue
        known = {(url.partner, url.token) for url in evidence.urls[request["user_id"]]}
        sent_to = (int(str(call.parameters["partner"])), str(call.parameters["token"]))
        if sent_to not in known:
            yield f"{lines[0]['custom_id']}: sent to {sent_to[0]} with a token never given for it"


def _books(evidence: Evidence) -> Iterator[str]:
    """Every purchase is in our books as it is, and our books hold no other."""
    attempts = evidence.attempts()
    ledger = {str(entry.key): entry for entry in evidence.ledger}
    strays = {row["purchase_key"] for row in evidence.tables["strays"]}
    new = any("new_database" in row["details"] for row in evidence.tables["events"])
    for key, entry in ledger.items():
        row = attempts.get(key)
        if row is None:
            # What an older copy knows nothing of is booked apart, or left to the operator's word.
            if evidence.strict and not (evidence.restored and (new or key in strays)):
                yield f"{key}, purchase {entry.buy_id}, is in no book"
        elif row["state"] == "purchased":
            if (row["buy_id"], row["debited"]) != (entry.buy_id, entry.debited):
                yield f"{key}: booked {row['buy_id']} for {row['debited']}, it is {entry.buy_id}"
        elif row["state"] == "unknown" and not evidence.can_be_found:
            continue
        elif evidence.strict and (LOOKS_UP or row["state"] not in ("sent", "unknown")):
            yield f"{key} was bought and is called {row['state']}"
    for key, row in attempts.items():
        if row["state"] == "purchased" and key not in ledger:
            yield f"{key} is booked and was never bought"


def _paused(evidence: Evidence) -> Iterator[str]:
    """Buying is not paused for books that don't match, nor for alarms that were none."""
    if evidence.plan.alarms or evidence.restored or _has_two(evidence):
        return
    for row in evidence.tables["events"]:
        details = json.loads(row["details"])
        if row["kind"] == "alarm" or details.get("cause") in ("alarm", "books"):
            yield f"{row['kind']}: {row['details']}"


def _has_two(evidence: Evidence) -> bool:
    """Say whether the market gave a member two for one line: that is an alarm, and pauses."""
    sent = evidence.sends().keys()
    return any(
        _came_back(evidence, entry) and _next_of(str(entry.key)) in sent
        for entry in evidence.ledger
    )


def _next_of(key: str) -> str:
    return f"{key[:-2]}{int(key[-2:]) + 1:02d}"


# Sends


def _sent_again(evidence: Evidence) -> Iterator[str]:
    """A key is sent once more only as the rules of the grace period allow, and never a third time.

    What was refused for good, or is booked, is never sent again.
    """
    attempts = evidence.attempts()
    for key, calls in evidence.sends().items():
        row = attempts.get(key)
        if evidence.strict and not evidence.restored and row is None:
            yield f"{key} was sent and is in no book"
        if len(calls) == 1:
            continue
        if not LOOKS_UP:
            if not evidence.restored:
                yield f"{key} was sent {len(calls)} times"
            continue
        # A disk that has forgotten both sends may make both again; the market knows the key.
        if len(calls) > 2 * (1 + len(evidence.copied_at)):
            yield f"{key} was sent {len(calls)} times"
        if not evidence.restored:
            yield from _too_early(evidence, key, calls)
            if row is not None and row["state"] in ("refused", "purchased"):
                ended = (row["ended_at"] or 0) / 1000
                late = [call for call in calls if call.at > ended + 0.05]
                yield from (f"{key} was sent after it was {row['state']}" for _ in late)


def _too_early(evidence: Evidence, key: str, calls: Sequence[Call]) -> Iterator[str]:
    for first, again in pairwise(calls):
        since = max([first.at, *(at for at in evidence.started_at if at < again.at)])
        if again.at - since < evidence.grace_s * 0.98:
            yield f"{key} was sent again after {again.at - since:.2f} s"
        misses = [
            call
            for call in evidence.calls
            if call.method == "market_getinfo"
            and since < call.at < again.at
            and call.parameters.get("custom_ids") == [key]
            and call.outcome in ("success", "error 2")
        ]
        if len(misses) < MISSES_NEEDED:
            yield f"{key} was sent again after {len(misses)} answered look-ups of it alone"
        if not any(
            call.method == "market_history" and since < call.at < again.at
            for call in evidence.calls
            if call.outcome == "success"
        ):
            yield f"{key} was sent again without a look into the history"


def _next_key(evidence: Evidence) -> Iterator[str]:
    """The next key of a line is sent only after a definite end of the one before."""
    sends, attempts = evidence.sends(), evidence.attempts()
    if not evidence.strict or evidence.restored:
        return
    for key, calls in sends.items():
        parsed = parse_purchase_key(key)
        if parsed is None or parsed[2] == 1:
            continue
        before = attempts.get(f"{key[:-2]}{parsed[2] - 1:02d}")
        if before is None:
            yield f"{key} was sent and the one before it never was"
        elif before["state"] not in ("refused", "not_sent") and not before.get("released"):
            yield f"{key} was sent while the one before it is {before['state']}"
        elif (before["ended_at"] or 0) / 1000 > calls[0].at + 0.05:
            yield f"{key} was sent before the one before it had ended"


def _bought_again(evidence: Evidence) -> Iterator[str]:
    """After a purchase the next key is sent only if it was asked for, and it failed for certain.

    That is: after a moderator pressed *Try again*, and after the market said since that it failed.
    """
    if not evidence.strict or evidence.restored:
        return
    sends = evidence.sends()
    for key, row in evidence.attempts().items():
        calls = sends.get(_next_of(key))
        if row["state"] != "purchased" or not calls:
            continue
        sent_at = calls[0].at
        pressed = [
            event["at"] / 1000
            for event in evidence.events("tried_again")
            if event["request_id"] == row["request_id"] and event["at"] / 1000 <= sent_at + 0.005
        ]
        if not pressed:
            yield f"{key} was bought again, and nobody asked for it"
        elif not any(
            pressed[-1] - 0.005 <= told.at <= sent_at
            and told.statuses.get(row["buy_id"]) in FAILED_STATUSES
            for told in evidence.told
        ):
            yield f"{key} was bought again without asking whether it has failed"


def _too_many_calls(evidence: Evidence) -> Iterator[str]:
    """No sliding minute holds more calls than the limiter allows."""
    moments = sorted(call.at for call in evidence.calls)
    most = max(
        (place - bisect_left(moments, at - _MINUTE_S) + 1 for place, at in enumerate(moments)),
        default=0,
    )
    if most > CALLS_A_MINUTE:
        yield f"{most} calls in a minute"


# Delivery


def _followed(evidence: Evidence) -> Iterator[str]:
    """What is bought is followed until nothing changes any more, and called what it is."""
    entries = {entry.buy_id: entry for entry in evidence.ledger}
    for key, row in evidence.attempts().items():
        entry = entries.get(row["buy_id"])
        if row["state"] != "purchased" or entry is None:
            if row["check_at"] is not None:
                yield f"{key} is {row['state']} and followed"
            continue
        if (row["check_at"] is None) is (row["closed_at"] is None):
            yield f"{key} is looked up at {row['check_at']} and was closed at {row['closed_at']}"
        if evidence.can_be_found and row["offer_status"] != entry.status:
            yield f"{key} is {entry.status} and called {row['offer_status']}"
        if row["closed_at"] is not None:
            since = entry.history[-1][0] if entry.history else entry.bought_at
            if row["closed_at"] <= since * 1000 + SETTLES_MS or not _may_be_over(entry.status):
                yield f"{key} is {entry.status} since {since} and was closed {row['closed_at']}"


def _may_be_over(offer_status: str) -> bool:
    return offer_status == OfferStatus.ACCEPTED or offer_status in FAILED_STATUSES


def _trades_told(evidence: Evidence) -> Iterator[str]:
    """Every trade that was seen waiting is told of in one trade message.

    It stands, or was skipped because the trade was over before it could be told, or is parked
    because the member takes no direct messages. After an older copy this holds for what its records
    say: a message that they have forgotten may stand beside, and tell of the same trade.
    """
    parts: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in evidence.tables["outbox"]:
        if row["kind"] == MessageKind.TRADES:
            parts[row["request_id"], row["part"]].append(row["state"])
    told: set[tuple[str, int]] = set()
    for key, row in evidence.attempts().items():
        waits = row["state"] == "purchased" and row["offer_status"] == OfferStatus.WAITING_ACCEPT
        if row["told_in"] is None:
            if waits:
                yield f"the trade of {key} waits and nobody was told"
            continue
        told.add((row["request_id"], row["line_no"]))
        states = parts[row["request_id"], row["told_in"]]
        if len(states) != 1:
            yield f"the trade of {key} is told of in {len(states)} messages"
        elif states == ["skipped"] and waits:
            yield f"the trade of {key} waits and its message was skipped"
        elif states == ["parked"] and not evidence.plan.dms_closed:
            yield f"the trade of {key} is told of in a message that was refused"
    for event in evidence.events("trade_waiting"):
        if (event["request_id"], event["details"]["line"]) not in told:
            yield f"the trade of {event['request_id']} was seen waiting and nobody was told"


# People


def _lost(evidence: Evidence) -> Iterator[str]:
    """What somebody was told to be sent or approved is so, unless it was undone since."""
    forgotten_since = min(evidence.copied_at, default=None)
    requests = evidence.requests()
    numbers = {row["number"] for row in requests.values()}
    for number, at_ms in evidence.told_sent:
        if number not in numbers and (forgotten_since is None or at_ms < forgotten_since):
            yield f"request #{number} was told to be sent and is nowhere"
    events = defaultdict(list)
    for row in evidence.tables["events"]:
        events[row["request_id"]].append(row)
    for press in evidence.pressed:
        if not press.told or (forgotten_since is not None and press.at_ms > forgotten_since - 1000):
            continue
        kinds = [row["kind"] for row in events[press.request_id] if row["at"] >= press.at_ms - 5]
        state = requests.get(press.request_id, {"state": "gone"})["state"]
        undone = {"taken_back", "steam_account_changed"} & set(kinds)
        if "approved" not in kinds or (state in ("pending", "gone") and not undone):
            yield f"the approval of {press.request_id} is lost: {state}, {kinds}"


def _stuck(evidence: Evidence) -> Iterator[str]:
    """Nothing hangs without a person being told."""
    for request in evidence.requests().values():
        yield from _stuck_request(evidence, request)
    looked_up = {
        request["request_id"]
        for request in evidence.tables["requests"]
        if request.get("attention_at") is not None
    }
    for row in evidence.tables["outbox"]:
        if row["state"] in ("waiting", "trying"):
            yield f"message {row['outbox_id']} ({row['kind']}) is still {row['state']}"
        # With each look-up the cards say when it was, for as long as it goes on.
        elif is_behind(row) and row["request_id"] not in looked_up:
            yield f"message {row['outbox_id']} ({row['kind']}) shows something old"


def is_behind(row: Row | sqlite3.Row) -> bool:
    """Say whether a message is still to be drawn again."""
    return bool(row["state"] == "posted" and row["wanted"] > row["shown"])


def _stuck_request(evidence: Evidence, request: Row) -> Iterator[str]:
    mine = [
        row for row in evidence.tables["attempts"] if row["request_id"] == request["request_id"]
    ]
    states = {row["state"] for row in mine}
    if "sent" in states:
        yield f"#{request['number']} has something on the wire"
    if request["state"] == "approved" and request["waits_for"] is None:
        yield f"#{request['number']} is approved and waits for nothing"
    told = request.get("attention_at") is not None if LOOKS_UP else "unknown" in states
    if request["state"] == "buying" and not told:
        yield f"#{request['number']} is being bought for ever"


# Messages


def _told_once(evidence: Evidence) -> Iterator[str]:
    """Every message stands once, where it has to, and none without a row."""
    if not evidence.strict:
        return
    standing = _by_mark(evidence.messages)
    rows = {row["mark"]: row for row in evidence.tables["outbox"]}
    for row in rows.values():
        same = [m for m in standing.get(row["mark"], ()) if _of_this_life(evidence, row, m)]
        count = len(same)
        at_least = 1 if row["state"] == "posted" else 0
        if not at_least <= count <= 1:
            times = ", ".join(each.created_at.strftime("%H:%M:%S.%f") for each in same)
            what = f"{row['kind']} of {row['request_id']} ({row['state']})"
            yield f"{what} stands {count} times: {times}"
    if not evidence.restored:
        yield from (f"a message without a row: {mark}" for mark in standing if mark not in rows)
    yield from _missing_rows(evidence)
    yield from _repeated(evidence)


def _of_this_life(evidence: Evidence, row: Row, message: Message) -> bool:
    """Leave out what was posted for a request that an older copy has forgotten.

    The basket that it brings back may be sent again, under the same marks.
    """
    return not evidence.restored or message.created_at.timestamp() * 1000 >= row["created_at"] - 5


def _by_mark(messages: Iterable[Message]) -> dict[int, list[Message]]:
    found: dict[int, list[Message]] = defaultdict(list)
    for message in messages:
        if message.interaction is None and message.nonce is not None:
            found[int(message.nonce)].append(message)
    return found


def _missing_rows(evidence: Evidence) -> Iterator[str]:
    kinds: dict[str, set[str]] = defaultdict(set)
    for row in evidence.tables["outbox"]:
        kinds[row["request_id"]].add(row["kind"])
    for request_id, request in evidence.requests().items():
        wanted = {"approval_card", "member_status"}
        if request["state"] in ("bought", "closed"):
            wanted.add("result")
        if missing := wanted - kinds[request_id]:
            yield f"#{request['number']} has no {', '.join(sorted(missing))}"


_RESULT: Final = re.compile(r"^Request #([0-9]+)\b", re.MULTILINE)
_STATUS: Final = re.compile(r"Your request #([0-9]+):")
_CARD: Final = re.compile(r"^Request #([0-9]+):", re.MULTILINE)


def _repeated(evidence: Evidence) -> Iterator[str]:
    """Also by what people read: one card, one status and one result for each request's number."""
    last = max((row["number"] for row in evidence.requests().values()), default=0)
    # After an older copy later numbers are given a second time.
    last = min([last, *evidence.copied_numbers])
    read: Counter[tuple[str, str]] = Counter()
    others = _marks_of_others(evidence)
    for message in evidence.messages:
        if message.interaction is not None or message.nonce in others:
            continue
        for what, pattern in (("status", _STATUS), ("result", _RESULT), ("card", _CARD)):
            found = pattern.search(message.text)
            in_approvals = message.channel.id == evidence.approvals_channel
            if found and (what == "card") == in_approvals and int(found[1]) <= last:
                read[what, found[1]] += 1
    yield from (
        f"the {what} of #{number} stands {times} times"
        for (what, number), times in read.items()
        if times > 1
    )


_ONE_OF_EACH: Final = frozenset(
    {MessageKind.APPROVAL_CARD, MessageKind.MEMBER_STATUS, MessageKind.RESULT}
)
_PARTS_MAX: Final = 12


def _marks_of_others(evidence: Evidence) -> set[str]:
    """Return the marks of messages of which a request may have several, also forgotten ones."""
    return {
        str(mark_of(request_id, kind, copy, part))
        for request_id in evidence.requests()
        for kind in set(MessageKind) - _ONE_OF_EACH
        for copy in range(2)
        for part in range(_PARTS_MAX)
    }


def words_of(content: str, components: Sequence[Mapping[str, Any]]) -> str:
    """Return what a message says: its texts, and its buttons with where they lead."""
    drawn = [dict(raw) for raw in components]
    buttons = [
        f"[{raw.get('label')}] {raw.get('url') or ''}".rstrip()
        for raw in walk(drawn)
        if raw["type"] == Kind.BUTTON
    ]
    return "\n".join([*texts_of(content, [], drawn), *buttons])


def _untrue(evidence: Evidence) -> Iterator[str]:
    """Every message says what the database says."""
    if not evidence.strict:
        return
    standing = _by_mark(evidence.messages)
    for row in evidence.tables["outbox"]:
        if row["state"] != "posted" or is_behind(row) or row["outbox_id"] not in evidence.drawn:
            continue
        for message in standing.get(row["mark"], ()):
            said = words_of(message.content, message.components)
            if message.id == row["message_id"] and said != evidence.drawn[row["outbox_id"]]:
                yield (
                    f"{row['kind']} of {row['request_id']} says {said!r} "
                    f"and not {evidence.drawn[row['outbox_id']]!r}"
                )


# Logs


def _logs(evidence: Evidence) -> Iterator[str]:
    """No traceback but of what Discord did to us, and no secret."""
    for name, log in evidence.logs.items():
        forgiven = [_DISCORD_DID_IT]
        if _STOPPED in log:
            forgiven += [_LIBRARY_STOPPED, *([] if STOPS_IN_ORDER else [_WHILE_STOPPING])]
        for error in _tracebacks(log):
            if not any(each.fullmatch(error.splitlines()[-1]) for each in forgiven):
                yield f"{name}: {error}"
        for secret in evidence.secrets:
            if secret in log:
                yield f"{name} holds a secret"


def _tracebacks(log: str) -> Iterator[str]:
    """Yield each traceback with the line before it and, last, the exception's own line.

    Of a chain only the last one: it is what was not handled.
    """
    lines = log.splitlines()
    for place, line in enumerate(lines):
        if line.strip() != _TRACEBACK:
            continue
        end = next(
            (n for n in range(place + 1, len(lines)) if not lines[n].startswith((" ", "\t"))), None
        )
        if end is not None and not any(_CHAINED.match(each) for each in lines[end + 1 : end + 3]):
            yield "\n".join(lines[max(0, place - 1) : end + 1])


CHECKS: Final[dict[str, Check]] = {
    "bought twice": _bought_twice,
    "not ours": _not_ours,
    "unapproved": _unapproved,
    "above ceiling": _above_ceiling,
    "wrong account": _wrong_account,
    "books": _books,
    "paused": _paused,
    "sent again": _sent_again,
    "next key": _next_key,
    "bought again": _bought_again,
    "rate": _too_many_calls,
    "followed": _followed,
    "trades told": _trades_told,
    "lost": _lost,
    "stuck": _stuck,
    "told once": _told_once,
    "untrue": _untrue,
    "log": _logs,
}
"""Every check by the kind of violation that it finds."""
