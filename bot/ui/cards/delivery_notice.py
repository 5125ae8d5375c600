"""What moderators are told of deliveries that did not go as they should: a classic message."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.market import OfferStatus
from bot.domain.models import Attempt, LineView, OutboxRow, RequestView
from bot.domain.money import Micros
from bot.domain.plain_text import clean_line, escape
from bot.ui import text
from bot.ui.cards.classic import Classic
from bot.ui.cards.frame import Frame
from bot.ui.cards.parts import button
from bot.ui.cards.trades import Rows, Tried, composed
from bot.ui.custom_ids import of_request


def delivery_notice(row: OutboxRow, view: RequestView, frame: Frame) -> Classic:
    """Return one part of a request's notices, as the purchases in it stand now."""
    request = view.request
    member = text.person(request.user_id)
    before = [text.NOTICE_TITLE.format(number=request.number, member=member)]
    sections: dict[str, list[Tried]] = {}
    for line, attempt in view.noticed_in(row.part):
        heading = _heading(line, attempt).format(member=member)
        sections.setdefault(heading, []).append((line, attempt))
    content = composed(
        before,
        [_section(heading, tried) for heading, tried in sections.items()],
        [text.SANDBOX] if frame.sandbox else [],
    )
    return Classic(content, (button(text.BUTTON_DETAILS, of_request(request, "details")),))


def _heading(line: LineView, attempt: Attempt) -> str:
    """Return what happened to a purchase, by where it stands now."""
    match attempt.offer_status:
        case OfferStatus.ROLLBACK_USER:
            return text.NOTICE_RETURNED_MEMBER
        case OfferStatus.ROLLBACK_SUPPLIER:
            return text.NOTICE_RETURNED_SUPPLIER
        case OfferStatus.ACCEPTED:
            return text.NOTICE_ARRIVED_TWICE if _has_twin(line, attempt) else text.NOTICE_ARRIVED
        case _ if attempt.failed:
            return text.notice_lost(attempt)
        case _ if attempt.is_stuck:
            return text.NOTICE_STUCK
        case _:
            return text.NOTICE_MOVES


def _has_twin(line: LineView, attempt: Attempt) -> bool:
    """Say whether the same skin was bought under another key, and that one is alive too."""
    return any(one is not attempt and not one.failed for one in line.bought)


def _section(heading: str, tried: Sequence[Tried]) -> Rows:
    def rows(length_max: int) -> list[str]:
        return [heading, *(_row(line, attempt, length_max) for line, attempt in tried)]

    return rows


def _row(line: LineView, attempt: Attempt, length_max: int) -> str:
    skin = escape(clean_line(line.line.market_hash_name, length_max=length_max))
    if attempt.is_stuck and attempt.stuck_at is not None:
        return text.NOTICE_ROW_STUCK.format(
            skin=skin,
            state=text.TRADE_STATUSES.get(attempt.offer_status or "", text.TRADE_SENT),
            since=text.ago(attempt.status_at or attempt.stuck_at),
            buy_id=attempt.buy_id,
        )
    return text.NOTICE_ROW.format(skin=skin, paid=text.usd(attempt.debited or Micros(0)))
