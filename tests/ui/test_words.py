"""Every word that people read: all of them are there, and all in one voice."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from bot.domain.models import Event, EventKind, NoListing, Pause, PauseCause, WaitReason
from bot.domain.money import Micros
from bot.domain.states import AttemptState, LineState, RequestState
from bot.errors import Problem, UserFacingError
from bot.skinsback.refusals import RefusalKind
from bot.ui import text
from bot.ui.cards.frame import Frame
from tests.ui import examples
from tests.ui.examples import HOSTILE, MODERATOR, NOW, tried, view

ROOT = Path(text.__file__).parents[2]
FRAME = Frame(commands={"request": 5, "my-requests": 6})


def _all_words() -> Iterator[tuple[str, str]]:
    """Return every string of the module with the name that it stands under."""

    def strings(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield str(value)
        elif isinstance(value, text.Reason | text.Waiting):
            yield from (str(getattr(value, name)) for name in value.__slots__)
        elif isinstance(value, Mapping):
            yield from (words for inner in value.values() for words in strings(inner))
        elif isinstance(value, Iterable):
            yield from (words for inner in value for words in strings(inner))

    for name, value in vars(text).items():
        if name.isupper():
            yield from ((name, words) for words in strings(value))


def test_the_voice_never_shouts_and_blames_nobody() -> None:
    for name, words in _all_words():
        assert "!" not in words, name
        forbidden = r"\b(error|invalid|illegal|failed|failure|oops|sorry|unfortunately|wrongly)\b"
        assert not re.search(forbidden, words.lower()), (name, words)
        assert "  " not in words, (name, words)


def test_no_template_is_filled_by_position() -> None:
    for name, words in _all_words():
        if name in ("PARKED_REASONS", "TRADE_URL_LINK"):
            continue
        assert "{}" not in words, name


def test_every_problem_has_a_sentence_that_needs_nothing() -> None:
    assert set(text.PROBLEMS) == set(Problem)
    for problem in Problem:
        for sentence in text.sentences(problem):
            assert text.placeholders(sentence) <= text.DETAILS.keys(), problem
        assert not text.placeholders(text.sentences(problem)[-1]), problem
        assert text.explain(UserFacingError(problem), FRAME)


def _raisers() -> Iterator[tuple[str, str, set[str]]]:
    """Return where each problem is raised in the code, and with which details."""
    for path in [*(ROOT / "bot").rglob("*.py"), *(ROOT / "cogs").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            details = {keyword.arg for keyword in node.keywords if keyword.arg}
            for named in ast.walk(node.args[0]):
                if (
                    isinstance(named, ast.Attribute)
                    and isinstance(named.value, ast.Name)
                    and named.value.id == "Problem"
                ):
                    yield f"{path.name}:{node.lineno}", named.attr, details


def test_every_detail_that_a_raiser_gives_can_be_shown() -> None:
    for where, problem, details in _raisers():
        assert details <= text.DETAILS.keys(), (where, problem)


def test_every_sentence_asks_only_for_details_that_its_raisers_give() -> None:
    given: dict[str, set[str]] = {}
    for _, problem, details in _raisers():
        given.setdefault(problem, set()).update(details)
    assert given
    for problem, details in given.items():
        for sentence in text.sentences(Problem[problem]):
            assert text.placeholders(sentence) <= details, problem


def test_the_fullest_sentence_is_shown_whose_details_are_known() -> None:
    full = UserFacingError(Problem.PRICE_WRONG, typed="twelve")
    assert "twelve" in text.explain(full, FRAME)
    assert "that" in text.explain(UserFacingError(Problem.PRICE_WRONG), FRAME)
    assert "#0" not in text.explain(UserFacingError(Problem.NO_SUCH_REQUEST, number=0), FRAME)
    known = text.explain(UserFacingError(Problem.NO_SUCH_REQUEST, number=42), FRAME)
    assert "#42" in known
    assert "</my-requests:6>" in known


def test_details_are_shown_as_what_they_are() -> None:
    roles = text.explain(UserFacingError(Problem.NOT_ALLOWED_TO_ASK, role_ids="12,34"), FRAME)
    assert "<@&12>, <@&34>" in roles
    price = UserFacingError(
        Problem.CEILING_BELOW_CHEAPEST, skin="a*b", cheapest="$78.10", ceiling=Micros(74_760_000)
    )
    assert "**a\\*b** costs $78.10" in text.explain(price, FRAME)
    assert "$74.76" in text.explain(price, FRAME)
    server = text.explain(UserFacingError(Problem.SERVER_NOT_ALLOWED, guild_id="123"), FRAME)
    assert "`123`" in server


def test_a_setting_out_of_range_is_named_as_the_form_names_it() -> None:
    error = UserFacingError(Problem.SETTING_WRONG, setting="tolerance_bp", lowest=0, highest=5000)
    words = text.explain(error, FRAME)
    assert text.FIELD_TOLERANCE in words
    assert "from 0 to 50." in words


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_sentence_lets_hostile_text_through(hostile: str) -> None:
    details = dict.fromkeys(text.DETAILS, hostile)
    said = [text.explain(UserFacingError(problem, **details), FRAME) for problem in Problem]
    words = re.sub(r"\\.", "", "\n".join(said))
    assert not re.search(r"<(@[!&]?|#|/\S+:|a?:\w+:)987654321098765432>", words)
    assert "@everyone" not in words
    assert "](https://evil" not in words
    assert "://evil" not in words


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RequestState.APPROVED, f"<@{MODERATOR}> already approved this"),
        (RequestState.BUYING, f"<@{MODERATOR}> already approved this"),
        (RequestState.BOUGHT, f"<@{MODERATOR}> already approved this"),
        (RequestState.CLOSED, f"<@{MODERATOR}> already approved this"),
        (RequestState.DENIED, f"<@{MODERATOR}> already denied this"),
        (RequestState.CANCELLED, "The member cancelled this"),
        (RequestState.EXPIRED, "This expired"),
        (RequestState.PENDING, "isn't approved at the moment"),
    ],
)
def test_the_second_click_is_told_who_was_first(state: RequestState, words: str) -> None:
    shown = view(state)
    assert words in text.already_decided(shown)


def test_who_decided_is_named_without_the_request_at_hand() -> None:
    error = UserFacingError(
        Problem.ALREADY_DECIDED, number=42, user_id=str(MODERATOR), decided_at=NOW
    )
    assert f"decided by <@{MODERATOR}> <t:{NOW // 1000}:R>" in text.explain(error, FRAME)
    nobody = UserFacingError(Problem.ALREADY_DECIDED, number=42, user_id="0", decided_at=NOW)
    assert "isn't open to a decision" in text.explain(nobody, FRAME)


def test_every_refusal_and_every_wait_has_words_for_both() -> None:
    assert set(text.REFUSALS) == set(RefusalKind)
    assert set(text.NO_LISTINGS) == set(NoListing)
    assert set(text.WAITS) == set(WaitReason)
    assert set(text.WAITS_SHORT) == set(WaitReason)
    assert set(text.STATES) == set(RequestState)
    assert set(text.LINE_STATES) == set(LineState)
    assert set(text.EVENTS) == set(EventKind)
    reasons: list[text.Reason] = [*text.REFUSALS.values(), *text.NO_LISTINGS.values(), text.UNKNOWN]
    for reason in reasons:
        assert reason.member != reason.moderator
        assert reason.heading == reason.heading[0].lower() + reason.heading[1:]
    both: list[text.Reason | text.Waiting] = [*reasons, *text.WAITS.values()]
    for words in both:
        assert "code" not in words.member
        for sentence in (words.member, words.moderator):
            moved = (
                "othing was paid",
                "othing was bought",
                "othing is bought",
                "othing more is bought",
                "may or may not",
            )
            unsure = ("may have", "is kept", "is safe")
            assert any(said in sentence for said in (*moved, *unsure)), sentence


def test_unknown_is_never_said_to_be_a_success_or_a_failure() -> None:
    for reason in (
        text.UNKNOWN,
        text.REFUSALS[RefusalKind.UNKNOWN_CODE],
        text.REFUSALS[RefusalKind.KEY_EXISTS],
    ):
        assert "Do not buy" in reason.moderator
        assert "don't ask for it again" in reason.member
        assert "was not bought" not in reason.member + reason.moderator


@pytest.mark.parametrize("for_moderator", [True, False])
@pytest.mark.parametrize("kind", EventKind)
def test_every_event_has_words_with_and_without_its_details(
    kind: EventKind, for_moderator: bool
) -> None:
    if not text.is_told(kind, for_moderator=for_moderator):
        assert not for_moderator
        assert kind is EventKind.ALARM
        return
    bare = text.event_in_words(Event(NOW, kind, None, {}), for_moderator=for_moderator)
    assert bare.startswith(f"<t:{NOW // 1000}:f> ")
    details: dict[str, str | int] = {
        "lines": 3,
        "purchased": 2,
        "refused": 1,
        "unknown": 0,
        "code": -8,
        "reason": "balance_low",
        "alarm": "above_ceiling",
        "setting": "undo_s",
        "line": 1,
        "skin": "AWP",
        "status": "timeout",
        "buy_id": 4321,
        "why": "a secret of the moderators",
    }
    said = text.event_in_words(Event(NOW, kind, MODERATOR, details), for_moderator=for_moderator)
    assert "{" not in said
    assert "timeout" not in said
    assert ("(code -8)" in said) == for_moderator
    assert "AWP" in said
    if not for_moderator:
        assert "4321" not in said
        assert "secret" not in said


def test_an_event_that_comes_to_what_nobody_knows_says_so_to_moderators_only() -> None:
    event = Event(NOW, EventKind.NOT_DELIVERED, None, {"skin": "AWP", "status": "brand_new"})
    assert text.event_in_words(event).endswith("> not delivered: AWP")
    told = text.event_in_words(event, for_moderator=True)
    assert told.endswith("> not delivered (brand\\_new): AWP")


def test_a_wait_in_the_history_keeps_from_the_member_what_is_between_the_others() -> None:
    assert set(text.WAITS_SHORT_MEMBER) < set(WaitReason)
    refused = Event(NOW, EventKind.RETURNED, None, {"reason": "operator"})
    assert "refused us" in text.event_in_words(refused, for_moderator=True)
    assert text.event_in_words(refused).endswith("nothing was bought: buying was switched off")


def test_an_event_says_what_its_details_say() -> None:
    answered = Event(NOW, EventKind.ANSWERED, None, {"purchased": 2, "refused": 1, "unknown": 0})
    assert "2 bought, 1 not bought, 0 not confirmed" in text.event_in_words(answered)
    returned = Event(NOW, EventKind.RETURNED, None, {"reason": "maintenance", "code": 0})
    assert "nothing was bought: market maintenance" in text.event_in_words(returned)
    assert "code" not in text.event_in_words(returned, for_moderator=True)


def test_a_wait_names_the_code_only_if_it_is_the_reason() -> None:
    def words(reason: WaitReason, code: int | None) -> str:
        return text.waits_in_words(reason, FRAME, for_moderator=True, code=code)

    assert words(WaitReason.MAINTENANCE, -9).endswith("(code -9)")
    assert "code" not in words(WaitReason.BALANCE_LOW, -9)
    assert "code" not in words(WaitReason.MAINTENANCE, None)
    assert "internet address" in words(WaitReason.OPERATOR, -8)
    assert words(WaitReason.OPERATOR, -8).endswith("(code -8)")


def test_a_wait_is_explained_by_the_latest_call() -> None:
    lines = [
        tried(1, AttemptState.REFUSED, code=-9, refused_whole=True, sent_at=NOW),
        tried(2, AttemptState.REFUSED, code=-8, refused_whole=True, sent_at=NOW + 1),
        tried(3, AttemptState.PURCHASED),
    ]
    assert text.refused_whole_code(view(RequestState.APPROVED, lines)) == -8
    assert text.refused_whole_code(view()) is None


@pytest.mark.parametrize("code", [None, *examples.CODES])
def test_a_pause_says_why_and_what_still_works(code: int | None) -> None:
    words = text.pause_in_words(Pause(PauseCause.MARKET_REFUSES_US, NOW, code, ""), FRAME)
    assert ("(code" in words) == (code is not None)
    alarm = Pause(PauseCause.ALARM, NOW, None, "above_ceiling, request x, purchase 12")
    assert text.ALARMS["above_ceiling"] in text.pause_in_words(alarm, FRAME)
    assert "purchase 12" in text.pause_in_words(alarm, FRAME)


def test_a_fault_of_ours_has_a_reference_and_says_what_is_known_of_the_money() -> None:
    assert "nothing was bought" in text.something_broke("K7Q2A", nothing_bought=True)
    assert "nothing was bought" not in text.something_broke("K7Q2A", nothing_bought=False)
    assert "**K7Q2A**" in text.something_broke("K7Q2A", nothing_bought=False)


def test_commands_fit_discord() -> None:
    for name in text.COMMAND_NAMES:
        assert re.fullmatch(r"[-_a-z0-9]{1,32}", name)
    for name, words in vars(text).items():
        if name.startswith("CMD_") and isinstance(words, str):
            assert 1 <= len(words) <= 100, name


def test_counts_are_said_as_people_say_them() -> None:
    assert text.skins(1) == "1 skin"
    assert text.skins(1_200) == "1,200 skins"
    assert text.requests(0) == "0 requests"
    assert text.percent(500) == "5"
    assert text.percent(1_250) == "12.5"
    assert text.percent(0) == "0"
    assert text.people([1, 2, 3], at_most=2) == "<@1>, <@2> and 1 more"


def test_a_command_can_be_pressed_once_its_id_is_known() -> None:
    assert text.command(Frame(commands={"request": 7}), "request") == "</request:7>"
    assert text.command(Frame(), "request") == "`/request`"
