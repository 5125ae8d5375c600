"""What happens in one round, drawn from its seed alone before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final, TypeVar

from bot.sandbox.skinsback import Fault, Profile
from tests.chaos.market import Mood
from tests.chaos.pace import FASTER
from tests.chaos.steps import AFTER_BUYING, STEPS

T = TypeVar("T")

RANDOM_MOMENT: Final = ""
"""In place of a step: killed from outside, whenever the time is over."""

SHORT_DOWN_S: Final = (0.0, 0.02, 0.1)
LONG_DOWN_S: Final = (0.8, 2.0)
"""Longer than Discord remembers a nonce, and than the bot's grace period."""


@dataclass(frozen=True, slots=True)
class Life:
    """One life of the bot, and how it ends.

    It dies at the ``nth`` time at ``step``, and if it never comes there, when nobody wants anything
    any more; without a step, after ``after_s`` seconds of being ready. Then it is down for
    ``down_s``, and starts again on the same disk, or on ``older_copy``: the disk as it was at a
    moment of this life.
    """

    step: str = RANDOM_MOMENT
    nth: int = 1
    delay_s: float = 0.0
    after_s: float = 0.8
    down_s: float = 0.0
    older_copy: bool = False
    early: bool = False
    """``after_s`` counts from the start of the process, and not from when it is ready."""
    orderly: bool = False
    """It is asked to stop (SIGTERM), which has to end it with code 0, and not killed."""
    rival: bool = False
    """A second process is started on the same disk, and has to refuse."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that goes wrong outside of the bot, so long after the load has begun.

    ``what`` names a function in ``troubles``; the others are its parameters.
    """

    at_s: float
    what: str
    method: str = ""
    fault: Fault | None = None
    carried_out: bool = True
    times: int = 1
    number: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One round."""

    seed: str
    profile: Profile
    lives: tuple[Life, ...]
    troubles: tuple[Trouble, ...] = ()
    members: int = 3
    requests_each: int = 2
    undo_s: int = 0
    dms_closed: int = 0
    """How many of the members take no direct messages."""
    mood: Mood = Mood.GOOD
    """How trades go."""
    retries: float = 0.15
    """How readily moderators press *Try again*, each time they look."""
    settles: bool = False
    """What was sent stays unknown until the administrator settles it by hand."""
    mutant: str = ""

    def random(self, name: str) -> Random:
        """Return the source of chance of one part of this round."""
        return Random(f"{self.seed}/{name}")

    @property
    def restores(self) -> bool:
        """Whether an older copy of the disk comes back in it."""
        return any(life.older_copy for life in self.lives)

    @property
    def alarms(self) -> bool:
        """Whether the market does what must never happen."""
        return any(trouble.fault in ALARMS for trouble in self.troubles)


ALARMS: Final = frozenset({Fault.FOREIGN_STEAM_ID, Fault.FOREIGN_KEY, Fault.DEBIT_ABOVE_CEILING})

_ON_THE_WAY: Final = (
    Fault.HANG,
    Fault.DROP,
    Fault.CUT_BODY,
    Fault.HTML_502,
    Fault.REDIRECT,
)
_OF_A_LINE: Final = (Fault.LINE_MISSING, Fault.LINE_IN_BOTH, Fault.UNKNOWN_CODE)
_BUY: Final = "market_batch_buy"
_LOOK_UPS: Final = ("market_getinfo", "market_history")
_OTHERS: Final = ("market_search", "balance", "market_getinfo", "market_history")
_CODES_OF_CALLS: Final = (-1, -4, -6, -7, -8, -9, 4, 5, 6, 7, 8, 9, 10)
_CODES_OF_OTHERS: Final = (-6, -7, -9, 2)

_TROUBLES_MAX: Final = 7
_LOAD_S: Final = 3.0


def draw(seed: str) -> Plan:
    """Return the round of a seed."""
    rng = Random(f"{seed}/plan")
    if rng.random() < _SETTLES:
        return _draw_to_settle(seed, rng)
    lives = tuple(_life(rng) for _ in range(rng.choice((1, 2, 2, 3))))
    profile = Profile.draw(rng)
    if any(life.older_copy for life in lives):
        # Two bots that know nothing of each other are kept apart by the market alone.
        profile = replace(profile, atomic_keys=True)
    profile = replace(
        profile,
        visible_after_s=profile.visible_after_s / FASTER,
        line_delay_s=min(profile.line_delay_s, 0.1),
    )
    # To die at a retry, something has to fail first, and somebody to press the button.
    retries = any(life.step in _OF_RETRIES for life in lives)
    return Plan(
        seed=seed,
        profile=profile,
        lives=lives,
        troubles=tuple(_troubles(rng)),
        members=rng.choice((2, 3, 3, 4)),
        requests_each=rng.choice((0, 1, 1)) + len(lives),
        undo_s=rng.choice((0, 0, 0, 1)),
        dms_closed=rng.choice((0, 0, 0, 1)),
        mood=Mood.FAILING if retries else rng.choice((Mood.GOOD, Mood.MIXED, Mood.MIXED)),
        retries=0.8 if retries else rng.choice((0.1, 0.4)),
    )


_SETTLES: Final = 0.04
_OF_RETRIES: Final = frozenset({"retry:committed"})


def _draw_to_settle(seed: str, rng: Random) -> Plan:
    """Return a round in which nobody can tell what became of a purchase, unless a person looks.

    Either every call is lost on its way, or the first is carried out and its purchases never show.
    """
    unseen = rng.random() < 0.5
    lost = Trouble(0.0, "break_market", _BUY, Fault.DROP, carried_out=unseen, times=40)
    return Plan(
        seed=seed,
        profile=replace(
            Profile.draw(rng), line_delay_s=0, visible_after_s=60 if unseen else 0, atomic_keys=True
        ),
        lives=(Life(step=rng.choice(_UNTIL_A_PERSON), down_s=rng.choice(SHORT_DOWN_S)),),
        troubles=(lost, *(_event_trouble(rng, rng.uniform(0.0, _LOAD_S)) for _ in range(2))),
        members=1,
        requests_each=1,
        mood=Mood.MIXED,
        settles=True,
    )


_UNTIL_A_PERSON: Final = ("approved:committed", "attempts:committed", "body_sent")


def _life(rng: Random) -> Life:
    at_a_step = rng.random() < 0.75
    early = not at_a_step and rng.random() < 0.3
    step = rng.choice(STEPS) if at_a_step else RANDOM_MOMENT
    nth = rng.choice((1, 1, 1, 2, 3))
    return Life(
        step=step,
        # What needs several things to come together does not come three times.
        nth=1 if step in AFTER_BUYING else nth,
        delay_s=rng.choice((0.0, 0.0, 0.005, 0.02)),
        after_s=round(rng.uniform(0.0, 0.2 if early else 1.5), 3),
        down_s=rng.choice(LONG_DOWN_S if rng.random() < 0.25 else SHORT_DOWN_S),
        older_copy=rng.random() < 0.1,
        early=early,
        orderly=not at_a_step and not early and rng.random() < 0.3,
        rival=rng.random() < 0.08,
    )


def _troubles(rng: Random) -> list[Trouble]:
    kinds: Sequence[Callable[[Random, float], Trouble]] = (
        _batch_fault,
        _batch_fault,
        _batch_fault,
        _line_fault,
        _batch_refusal,
        _other_fault,
        _other_fault,
        _shop_trouble,
        _stock_trouble,
        _stock_trouble,
        _discord_fault,
        _discord_fault,
        _discord_fault,
        _discord_loss,
        _discord_loss,
        _event_trouble,
        _event_trouble,
        _event_trouble,
    )
    found = []
    for _ in range(rng.randrange(_TROUBLES_MAX + 1)):
        at_s = round(rng.uniform(0.0, _LOAD_S), 3)
        found.append(rng.choice(kinds)(rng, at_s))
    if rng.random() < 0.04:
        fault = rng.choice(sorted(ALARMS))
        found.append(Trouble(0.0, "break_market", _BUY, fault, number=0))
    return sorted(found, key=lambda trouble: trouble.at_s)


def _batch_fault(rng: Random, at_s: float) -> Trouble:
    return Trouble(
        at_s,
        "break_market",
        _BUY,
        rng.choice(_ON_THE_WAY),
        carried_out=rng.random() < 0.5,
        times=rng.choice((1, 1, 2)),
        seconds=rng.choice((0.3, 3.0)),
    )


def _line_fault(rng: Random, at_s: float) -> Trouble:
    return Trouble(
        at_s,
        "break_market",
        _BUY,
        rng.choice(_OF_A_LINE),
        carried_out=rng.random() < 0.7,
        number=rng.randrange(3),
    )


def _batch_refusal(rng: Random, at_s: float) -> Trouble:
    return Trouble(
        at_s, "refuse_market", _BUY, times=rng.choice((1, 2)), number=rng.choice(_CODES_OF_CALLS)
    )


def _other_fault(rng: Random, at_s: float) -> Trouble:
    method = rng.choice(_OTHERS)
    times = rng.choice((1, 2, 6 if method in _LOOK_UPS else 2))
    if rng.random() < 0.4:
        code = rng.choice(_CODES_OF_OTHERS)
        return Trouble(at_s, "refuse_market", method, times=times, number=code)
    return Trouble(
        at_s,
        "break_market",
        method,
        rng.choice(_ON_THE_WAY),
        times=times,
        seconds=rng.choice((0.2, 2)),
    )


def _shop_trouble(rng: Random, at_s: float) -> Trouble:
    what = rng.choice(("hang_up", "close_market", "maintenance", "deactivate_shop", "no_money"))
    return Trouble(at_s, what, seconds=rng.choice((0.2, 0.6)))


def _stock_trouble(rng: Random, at_s: float) -> Trouble:
    what = rng.choice(("sell_out", "raise_price", "sell_listing_under_us"))
    return Trouble(at_s, what, number=rng.randrange(100))


def _discord_fault(rng: Random, at_s: float) -> Trouble:
    what = rng.choice(
        (
            "discord_500",
            "discord_502",
            "discord_429",
            "discord_drop",
            "discord_drop_after",
            "discord_drop_after",
            "discord_slow",
        )
    )
    return Trouble(at_s, what, times=rng.choice((1, 1, 2, 6)), number=rng.randrange(3))


def _discord_loss(rng: Random, at_s: float) -> Trouble:
    what = rng.choice(("gateway_drop", "gateway_invalidate", "discord_outage"))
    return Trouble(at_s, what, seconds=rng.choice((0.1, 0.8)))


def _event_trouble(rng: Random, at_s: float) -> Trouble:
    what = rng.choice(
        (
            "events_held",
            "events_dropped",
            "events_cut",
            "events_silent",
            "events_refused",
            "events_unwelcome",
            "events_nameless",
            "events_doubled",
            "events_stale",
            "events_false",
        )
    )
    return Trouble(
        round(at_s, 3), what, times=rng.choice((1, 3, 8)), seconds=rng.choice((0.1, 0.5, 1.2))
    )
