"""Edits of messages older than an hour: few in each channel, in turn, and nobody starves."""

from __future__ import annotations

from itertools import pairwise

from bot.domain.models import MessageKind, OutboxRow, OutboxState
from bot.services.old_edits import OLD_EDIT_GAP_MS, OLD_MS, OldEdits
from tests.services.house import GUILD, NOW


def row(outbox_id: int, channel_id: int = 1, *, age_ms: int = OLD_MS + 1) -> OutboxRow:
    """Return a message that stands."""
    return OutboxRow(
        outbox_id,
        MessageKind.APPROVAL_CARD,
        GUILD,
        "r",
        to_member=False,
        target_id=channel_id,
        mark=1,
        state=OutboxState.POSTED,
        channel_id=channel_id,
        message_id=outbox_id,
        wanted=2,
        shown=1,
        tries=0,
        created_at=NOW - age_ms,
        parked_reason="",
    )


def test_young_messages_are_edited_at_once_beside_any_number_of_old_ones() -> None:
    edits = OldEdits()
    for number in range(50):
        edits.turn_of(row(number), NOW)
    young = row(99, age_ms=OLD_MS)
    assert edits.turn_of(young, NOW) == NOW
    edits.take(young, NOW)
    assert edits.turn_of(row(100, channel_id=2), NOW) == NOW


def test_old_ones_of_a_channel_get_turns_apart_and_keep_them() -> None:
    edits = OldEdits()
    turns = [edits.turn_of(row(number), NOW) for number in range(4)]
    assert turns == [NOW + number * OLD_EDIT_GAP_MS for number in range(4)]
    assert [edits.turn_of(row(number), NOW + 1) for number in range(1, 4)] == turns[1:]


def test_turn_that_is_taken_late_moves_the_next_one() -> None:
    edits = OldEdits()
    first, second = row(1), row(2)
    edits.turn_of(first, NOW)
    edits.turn_of(second, NOW)
    late = NOW + OLD_EDIT_GAP_MS
    edits.take(first, late)
    assert edits.turn_of(second, late) == late + OLD_EDIT_GAP_MS


def test_message_that_changes_all_the_time_starves_no_other() -> None:
    edits, drawn, now = OldEdits(), [], NOW
    busy, calm = row(1), row(2)
    for _ in range(200):
        # The busy one always asks first.
        for one in (busy, calm):
            if edits.turn_of(one, now) <= now:
                edits.take(one, now)
                drawn.append((now, one.outbox_id))
        now += 500
    times = [at for at, _ in drawn]
    assert all(later - at >= OLD_EDIT_GAP_MS for at, later in pairwise(times))
    assert abs(sum(1 if one == 1 else -1 for _, one in drawn)) <= 1
    assert len(drawn) == 1 + (now - 500 - NOW) // OLD_EDIT_GAP_MS


def test_channels_whose_turn_is_over_are_forgotten() -> None:
    edits = OldEdits()
    for number in range(3_000):
        one = row(number, channel_id=number)
        edits.turn_of(one, NOW + number * OLD_EDIT_GAP_MS)
        edits.take(one, NOW + number * OLD_EDIT_GAP_MS)
    assert len(edits._edited_at) + len(edits._free_at) < 3_000


def test_clock_that_is_set_back_makes_nobody_wait_for_what_it_said_before() -> None:
    edits = OldEdits()
    year_ms = 365 * 86_400_000
    for number in range(3):
        edits.turn_of(row(number), NOW + year_ms)
    edits.take(row(0), NOW + year_ms)
    assert edits.turn_of(row(1), NOW) == NOW
    assert edits.turn_of(row(9), NOW) == NOW + OLD_EDIT_GAP_MS
