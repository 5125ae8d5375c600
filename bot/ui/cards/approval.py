"""The approval card in its states, its details, and what it is denied with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from discord import ButtonStyle, ui

from bot.domain.limits import REASON_MAX
from bot.domain.models import REBOUND, Attempt, Event, LineView, Request, RequestView
from bot.domain.money import Micros
from bot.domain.states import FINAL_STATES, AttemptState, LineState, RequestState
from bot.domain.trade_url import profile_url, steam_id_of
from bot.services.ports import Paused
from bot.services.steam_accounts import Lately
from bot.ui import text
from bot.ui.cards import outcomes
from bot.ui.cards.frame import Frame
from bot.ui.cards.history import say_history
from bot.ui.cards.parts import (
    AMBER,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    Card,
    Field,
    Item,
    button,
    modal,
    named,
    picture_url,
)
from bot.ui.custom_ids import of_request, one_time

_PICTURES_MAX: Final = 8


def approval_card(view: RequestView, frame: Frame) -> ui.LayoutView:
    """Return the card in the approval channel, in whatever state its request is."""
    match view.request.state:
        case RequestState.DRAFT | RequestState.PENDING:
            return _pending(view, frame)
        case RequestState.APPROVED:
            return _approved(view, frame)
        case RequestState.BUYING:
            return _buying(view, frame)
        case RequestState.BOUGHT | RequestState.CLOSED:
            return _bought(view, frame)
        case RequestState.DENIED | RequestState.CANCELLED | RequestState.EXPIRED:
            return _over(view, frame)


def _title(view: RequestView, what: str) -> str:
    return text.REQUEST_TITLE.format(number=view.request.number, what=what)


def _details(request: Request) -> Item:
    return button(text.BUTTON_DETAILS, of_request(request, "details"))


def request_rows(view: RequestView) -> list[str]:
    """Return what was asked for, one row for each skin, with quote and ceiling."""
    rows = []
    for position, group in enumerate(view.groups(), start=1):
        line = group.line
        template = text.ROW if group.quantity == 1 else text.ROW_TIMES
        row = template.format(
            n=position,
            skin=named(line.market_hash_name),
            quantity=group.quantity,
            quote=text.usd(line.quote),
            ceiling=text.usd(line.ceiling),
        )
        if line.listing_id is not None:
            row += text.ROW_LISTING.format(listing_id=line.listing_id)
        rows.append(text.with_doubts(row, line))
    return rows


def _pending(view: RequestView, frame: Frame) -> ui.LayoutView:
    request = view.request
    card = Card(frame, accent=BLUE)
    total = text.usd(view.ceiling_total)
    what = text.PENDING_WHAT.format(skins=text.skins(len(view.lines)), total=total)
    about = [_title(view, what), _who(request)]
    if request.version > 1:
        about.append(text.NEW_VERSION.format(version=request.version))
    card.say("\n".join(about))
    card.rows(request_rows(view), more=text.LIST_MORE_DETAILS)
    after = [note] if (note := text.note_in_words(request)) else []
    if request.dm_closed:
        after.append(text.DM_CLOSED.format(member=text.person(request.user_id)))
    if request.expires_at is not None:
        after.append("-# " + text.EXPIRES.format(when=text.ago(request.expires_at)))
    card.say("\n".join(after))
    card.row(
        button(
            text.BUTTON_APPROVE.format(total=total),
            of_request(request, "approve"),
            ButtonStyle.success,
        ),
        button(text.BUTTON_DENY, of_request(request, "deny"), ButtonStyle.danger),
        _details(request),
    )
    return card.build()


def _who(request: Request) -> str:
    member = text.person(request.user_id)
    when = text.ago(request.submitted_at or request.created_at)
    if request.partner is None:
        return text.WHO_PENDING_NO_STEAM.format(member=member, when=when)
    return text.WHO_PENDING.format(member=member, profile=profile_url(request.partner), when=when)


def _shrunk_who(view: RequestView) -> str:
    return text.WHO.format(
        member=text.person(view.request.user_id),
        skins=text.skins(len(view.lines)),
        total=text.usd(view.ceiling_total),
    )


def _approved(view: RequestView, frame: Frame) -> ui.LayoutView:
    request = view.request
    card = Card(frame, accent=AMBER)
    about = [_title(view, text.state_in_words(view)), _shrunk_who(view)]
    if request.decided_by is not None:
        about.append(
            text.APPROVED_BY.format(
                moderator=text.person(request.decided_by),
                when=text.ago(request.decided_at or request.changed_at),
            )
        )
    if request.ready_at is not None:
        about.append(
            text.MEMBER_PRESSED.format(
                member=text.person(request.user_id), when=text.ago(request.ready_at)
            )
        )
    about.append(text.APPROVED_HELD.format(total=text.usd(view.ceiling_total)))
    card.say("\n".join(about))
    if request.waits_for_member and request.expires_at is not None:
        card.say(
            text.WAITS_FOR_MEMBER.format(
                member=text.person(request.user_id), when=text.ago(request.expires_at)
            )
        )
    elif request.waits_for is not None:
        code = text.refused_whole_code(view)
        waits = text.waits_in_words(request.waits_for, frame, for_moderator=True, code=code)
        card.say(f"{waits} {text.waits_until(view)}".strip())
    card.say("\n".join(f"-# {words}" for words in _when_next(request)))
    card.row(
        button(text.BUTTON_TAKE_BACK, of_request(request, "take_back"), ButtonStyle.danger),
        _details(request),
    )
    return card.build()


def _when_next(request: Request) -> list[str]:
    """Return when something happens to an approved request by itself."""
    words = []
    # What it waits for is looked at again and again, and the card is not drawn each time.
    if request.claimable_at is not None and request.waits_for is None:
        words.append(text.BUYING_STARTS.format(when=text.ago(request.claimable_at)))
    waits = request.waits_for is not None and not request.waits_for_member
    if request.expires_at is not None and waits:
        words.append(text.EXPIRES_APPROVED.format(when=text.ago(request.expires_at)))
    return words


def _approver(request: Request) -> str:
    member = text.person(request.user_id)
    if request.decided_by is None:
        return text.WHO_BOUGHT_NOBODY.format(member=member)
    return text.WHO_BOUGHT.format(member=member, moderator=text.person(request.decided_by))


def _delivery(view: RequestView) -> list[str]:
    """Return how far the delivery of what was bought has come, and whether its member hears."""
    counts = text.counts_in_words(view)
    words = [counts] if counts else []
    if view.moving and view.request.dm_closed:
        words.append(text.DM_CLOSED.format(member=text.person(view.request.user_id)))
    return words


def _buying(view: RequestView, frame: Frame) -> ui.LayoutView:
    request = view.request
    unknown = view.in_state(LineState.UNKNOWN)
    card = Card(frame, accent=RED if unknown or outcomes.alarm_rows(view) else AMBER)
    what = text.STATE_NEEDS_A_PERSON if view.needs_a_person else text.state_in_words(view)
    about = [_title(view, what), _approver(request), *_delivery(view)]
    waits = text.rest_waits_in_words(view, for_moderator=True)
    if waits:
        about.append(waits)
    elif not unknown:
        about.append(text.BUYING_NOW)
    card.say("\n".join(about))
    _say_outcomes(card, view, frame)
    card.rows(
        outcomes.open_rows(outcomes.still_to_come(view)),
        head=text.HEADING_OPEN,
        more=text.LIST_MORE_DETAILS,
    )
    buttons = [_details(request)]
    if unknown:
        card.say(text.asked_in_words(view))
        check = button(text.BUTTON_CHECK_NOW, of_request(request, "check_now"), ButtonStyle.primary)
        settle = [button(text.BUTTON_SETTLE, of_request(request, "settle"), ButtonStyle.danger)]
        buttons = [check, *(settle if view.needs_a_person else []), *buttons]
    card.row(*buttons)
    return card.build()


def _say_outcomes(card: Card, view: RequestView, frame: Frame) -> None:
    more = text.LIST_MORE_DETAILS
    card.rows(outcomes.alarm_rows(view), head=outcomes.alarm_heading(view), more=more)
    found = outcomes.reasons(view, frame, text.reason_for_moderator)
    outcomes.say_reasons(card, found, more=more)
    outcomes.say_losses(card, view, frame, text.loss_for_moderator, more=more)
    card.rows(outcomes.bought_rows(view), head=text.HEADING_BOUGHT, more=more)


def _bought_what(view: RequestView) -> tuple[int, str]:
    """Return the colour of a request of which nothing more is bought, and what became of it."""
    bought, count = len(outcomes.bought_lines(view)), len(view.lines)
    lost = len(outcomes.undelivered(view))
    paid = text.usd(view.debited_total)
    if not bought:
        unsure = bool(view.in_state(LineState.UNKNOWN))
        return (RED, text.STATE_UNSURE) if unsure else (ORANGE, text.BOUGHT_NONE)
    if bought == count:
        what = text.BOUGHT_ALL.format(bought=text.skins(bought), paid=paid)
    else:
        what = text.BOUGHT_SOME.format(bought=bought, skins=text.skins(count), paid=paid)
    if lost:
        what = text.BOUGHT_LOST.format(what=what, lost=lost)
    return (GREEN if bought == count and not lost else ORANGE), what


def _bought(view: RequestView, frame: Frame) -> ui.LayoutView:
    request = view.request
    accent, what = _bought_what(view)
    card = Card(frame, accent=RED if outcomes.alarm_rows(view) else accent)
    card.say("\n".join([_title(view, what), _approver(request), *_delivery(view)]))
    _say_outcomes(card, view, frame)
    after = []
    refused = [line for line in view.in_state(LineState.REFUSED) if not line.bought]
    if refused:
        free = Micros(sum(line.line.ceiling for line in refused))
        after.append(text.FREE_AGAIN.format(total=text.usd(free)))
    buttons = [_details(request)]
    if view.to_try_again and request.expires_at is not None:
        after += _what_helps(view)
        after.append("-# " + text.TRY_AGAIN_UNTIL.format(when=text.ago(request.expires_at)))
        buttons.insert(0, try_again_button(view))
    card.say("\n".join(after))
    card.row(*buttons)
    return card.build()


def _what_helps(view: RequestView) -> list[str]:
    """Return what speaks for trying again now, or against it, as far as its own records tell."""
    request, words = view.request, []
    member = text.person(request.user_id)
    if view.member_is_here and request.here_at is not None:
        when = text.ago(request.here_at)
        words.append(text.MEMBER_IS_HERE.format(member=member, when=when))
    if view.url_is_new and request.trade_url_at is not None:
        when = text.ago(request.trade_url_at)
        words.append(text.URL_IS_NEW.format(member=member, when=when))
    if view.rests_until is not None:
        words.append(text.TRY_AGAIN_FROM.format(when=text.until_when(view.rests_until)))
    return words


def try_again_button(view: RequestView) -> ui.Button[Any]:
    """Return the button that has everything tried again that can be."""
    lines = view.to_try_again
    total = Micros(sum(line.line.ceiling for line in lines))
    return button(
        text.BUTTON_TRY_AGAIN.format(skins=text.skins(len(lines)), total=text.usd(total)),
        of_request(view.request, "try_again", str(view.rounds)),
        ButtonStyle.primary,
    )


def _over(view: RequestView, frame: Frame) -> ui.LayoutView:
    request = view.request
    card = Card(frame, accent=GREY)
    about = [_title(view, text.state_in_words(view)), _shrunk_who(view)]
    when = text.ago(request.decided_at or request.changed_at)
    moderator = text.A_MODERATOR if request.decided_by is None else text.person(request.decided_by)
    if request.state is RequestState.DENIED:
        about.append(text.DENIED_BY.format(moderator=moderator, when=when))
        if request.decision_reason:
            about.append(text.quoted(request.decision_reason))
    elif request.state is RequestState.CANCELLED:
        about.append(
            text.CANCELLED_BY.format(
                member=text.person(request.user_id), when=text.ago(request.changed_at)
            )
        )
    else:
        was_approved = request.decided_by is not None
        template = text.EXPIRED_APPROVED if was_approved else text.EXPIRED_PENDING
        if request.never_ready:
            template = text.EXPIRED_NEVER_READY
        if request.decision_reason == REBOUND:
            template = text.EXPIRED_REBOUND
        about.append(
            template.format(
                moderator=moderator,
                member=text.person(request.user_id),
                when=text.ago(request.changed_at),
            )
        )
    card.say("\n".join(about))
    card.row(_details(request))
    return card.build()


def approval_details(
    view: RequestView,
    events: Sequence[Event],
    frame: Frame,
    *,
    balance: Micros | None,
    paused: Paused | None = None,
    lately: Lately | None = None,
) -> ui.LayoutView:
    """Return what a moderator sees in private: pictures, rows, what was tried, history, balance,
    what pauses buying at the moment, and how trades to its Steam account have fared lately.
    """
    request = view.request
    card = Card(frame)
    about = [
        text.DETAILS_TITLE.format(number=request.number, state=text.state_in_words(view)),
        _shrunk_who(view),
    ]
    if request.partner is not None:
        about.append(
            text.DETAILS_STEAM.format(
                steam_id=steam_id_of(request.partner), profile=profile_url(request.partner)
            )
        )
    if lately is not None:
        about += text.lately_rows(lately)
    if balance is not None:
        about.append(text.DETAILS_BALANCE.format(balance=text.usd(balance)))
    about += filter(None, [text.note_in_words(request), text.denial_in_words(request)])
    card.say("\n".join(about))
    if paused is not None and request.state not in FINAL_STATES:
        card.say(text.paused_in_words(paused, frame))
    card.gallery(pictures(view.lines, at_most=_PICTURES_MAX))
    card.rows(request_rows(view))
    card.rows(_tried_rows(view), head=text.DETAILS_TRIED)
    say_history(card, view, events, for_moderator=True)
    card.row(button(text.BUTTON_HISTORY, of_request(request, "mod_history")))
    return card.build()


def pictures(lines: Sequence[LineView], *, at_most: int) -> dict[str, str]:
    """Return the pictures of some lines, each once, by address, with the names under them."""
    found: dict[str, str] = {}
    for line in lines:
        url = picture_url(line.line.game, outcomes.class_id_of(line))
        if url is not None and len(found) < at_most:
            found.setdefault(url, line.line.market_hash_name)
    return found


def _tried_rows(view: RequestView) -> list[str]:
    return [
        text.TRIED.format(
            line=attempt.line_no,
            attempt=attempt.attempt_no,
            skin=named(line.line.market_hash_name),
            outcome=_outcome(attempt),
        )
        for line in view.lines
        for attempt in line.attempts
    ]


def _outcome(attempt: Attempt) -> str:
    words = _end_in_words(attempt)
    if not attempt.alarms:
        return words
    return text.TRIED_ALARM.format(outcome=words, alarm=text.alarms_in_words(attempt.alarms))


def _end_in_words(attempt: Attempt) -> str:
    match attempt.state:
        case AttemptState.SENT:
            return text.TRIED_SENT
        case AttemptState.NOT_SENT:
            return text.TRIED_NOT_SENT
        case AttemptState.PURCHASED:
            paid = text.usd(attempt.debited or Micros(0))
            what = text.TRIED_BOUGHT.format(paid=paid, buy_id=attempt.buy_id)
            if attempt.buy_id is None:
                what = text.TRIED_BOUGHT_NO_ID.format(paid=paid)
            return text.bought_in_words(attempt, what)
        case AttemptState.REFUSED | AttemptState.UNKNOWN:
            return text.attempt_in_words(attempt)


def deny_modal(request: Request) -> ui.Modal:
    """Return the modal that asks for the reason of a denial."""
    return modal(
        text.MODAL_DENY.format(number=request.number),
        of_request(request, "deny_reason", one_time()),
        Field(
            "reason",
            text.FIELD_REASON,
            text.FIELD_REASON_ABOUT,
            long=True,
            length_max=REASON_MAX,
        ),
    )
