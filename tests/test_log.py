"""Log lines: readable for people and machines, and without a secret in whatever way it got in."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import LogFormat
from bot.log import Redactor, set_up

TOKEN = "AbCd_-12"
DISCORD_TOKEN = "MTIz.abc.de+f/g="
URL = f"https://steamcommunity.com/tradeoffer/new/?partner=90382795&token={TOKEN}"

TOKENS = st.text("ABCxyz019_-", min_size=8, max_size=8)


@dataclass(frozen=True)
class Holder:
    """An object whose repr shows what it holds."""

    token: str


class TestRedactor:
    """What is masked, and that the rest stays readable."""

    @pytest.mark.parametrize(
        "text",
        [
            URL,
            URL.replace("&", "&amp;"),
            URL.replace("&", "%26").replace("=", "%3D"),
            URL.replace("&", "%2526").replace("=", "%253d"),
            f"?token={TOKEN}&partner=1",
            f"TOKEN={TOKEN}",
            f"token = {TOKEN}",
            f"token: {TOKEN}",
            f'{{"token": "{TOKEN}"}}',
            f'{{"token":"{TOKEN}"}}',
            json.dumps(json.dumps({"token": TOKEN})),
            json.dumps(json.dumps(json.dumps({"token": TOKEN}))),
            str({"partner": "1", "token": TOKEN}),
            str(Holder(TOKEN)),
            f"X-CLIENT-SECRET: {TOKEN}",
            f"client_secret={TOKEN}",
            f"wss://skinsback.com/ws/?shopid=1&signature={TOKEN}{TOKEN}",
            f"sign={TOKEN}",
            f"https://discord.com/api/v10/webhooks/123456/{TOKEN}/messages/@original",
            f"/interactions/123456/{TOKEN}.x-y/callback",
        ],
    )
    def test_redact_takes_the_secret_out_of_every_shape_of_text(self, text: str) -> None:
        redacted = Redactor([]).redact(text)
        assert TOKEN not in redacted
        assert "•••" in redacted

    @given(TOKENS, st.text(max_size=20), st.text(max_size=20))
    def test_redact_takes_any_trade_url_token_out_of_any_text(
        self, token: str, before: str, after: str
    ) -> None:
        text = (
            f"{before} https://steamcommunity.com/tradeoffer/new/?partner=1&token={token} {after}"
        )
        assert f"token={token}" not in Redactor([]).redact(text)

    @pytest.mark.parametrize(
        "text",
        [
            "Request #7 is approved by 301; 3 lines at $130.20",
            "code 9 (invalid_token_value)",
            "offer_status: invalid_trade_token",
            "the design: everything is fine, assigned=12345678",
            "GET /channels/123456/messages/654321",
            "qmabcdefghij234567klmn0101 was refused",
        ],
    )
    def test_redact_leaves_alone_what_is_no_secret(self, text: str) -> None:
        assert Redactor([DISCORD_TOKEN]).redact(text) == text

    def test_redact_takes_known_secrets_out_wherever_they_stand(self) -> None:
        redactor = Redactor([DISCORD_TOKEN, "sub", "subscribed-secret", ""])
        redacted = redactor.redact(f"x{DISCORD_TOKEN}y subscribed-secret sub")
        assert redacted == "x•••y ••• •••"

    @given(st.text(min_size=1, max_size=12), st.text(max_size=12))
    def test_redact_of_any_known_secret_is_never_a_pattern_of_its_own(
        self, secret: str, around: str
    ) -> None:
        assert secret not in Redactor([secret]).redact(around + secret).replace("•••", "")


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """What set-up does to the root logger ends with the test."""
    root = logging.getLogger()
    names = ("discord", "aiosqlite")
    before = (root.handlers[:], root.level, [logging.getLogger(name).level for name in names])
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    for name, level in zip(names, before[2], strict=True):
        logging.getLogger(name).setLevel(level)


Written = Callable[[], str]


@pytest.fixture
def written(restored_logging: None, capsys: pytest.CaptureFixture[str]) -> Written:
    """Return everything that was written to standard error so far."""
    so_far: list[str] = []

    def read() -> str:
        so_far.append(capsys.readouterr().err)
        return "".join(so_far)

    return read


def fail(text: str, cause: str = "") -> None:
    """Raise, perhaps because of something else."""
    if cause:
        try:
            fail(cause)
        except ValueError as error:
            raise RuntimeError(text) from error
    raise ValueError(text)


def begin(log_format: LogFormat = LogFormat.TEXT, level: str = "INFO") -> logging.Logger:
    set_up(level=level, log_format=log_format, secrets=[DISCORD_TOKEN])
    return logging.getLogger("bot.somewhere")


@pytest.mark.parametrize("log_format", LogFormat)
class TestLines:
    """Both formats, end to end."""

    def test_line_with_secrets_in_its_arguments_is_masked(
        self, written: Written, log_format: LogFormat
    ) -> None:
        begin(log_format).warning("%s and %r with 100%%", URL, {"x": DISCORD_TOKEN})
        assert TOKEN not in written()
        assert DISCORD_TOKEN not in written()
        assert "partner=90382795" in written()
        assert "with 100%" in written()

    def test_line_with_secrets_in_its_traceback_is_masked_through_every_cause(
        self, written: Written, log_format: LogFormat
    ) -> None:
        log = begin(log_format)
        try:
            fail(f"Authorization: Bot {DISCORD_TOKEN}", cause=URL)
        except RuntimeError:
            log.exception("It broke.")
        assert TOKEN not in written()
        assert DISCORD_TOKEN not in written()
        assert "ValueError" in written()
        assert "RuntimeError" in written()

    def test_line_with_a_stack_is_masked(self, written: Written, log_format: LogFormat) -> None:
        begin(log_format).info("x", stack_info=True, extra={"y": "?token=AbCd_-12"})
        assert "token=AbCd" not in written()

    def test_line_of_a_library_is_masked_too(self, written: Written, log_format: LogFormat) -> None:
        begin(log_format)
        logging.getLogger("some.library").error("called /webhooks/12/%s", "se-cret.token")
        assert "se-cret.token" not in written()

    @pytest.mark.parametrize("arguments", [(), ("a", "b"), (None,)])
    def test_line_that_cant_be_written_stops_nobody(
        self, written: Written, log_format: LogFormat, arguments: tuple[object, ...]
    ) -> None:
        begin(log_format).error("%d of %s: " + DISCORD_TOKEN, *arguments)
        assert DISCORD_TOKEN not in written()
        assert written().count("\n") == 1


class TestFormats:
    """What each format looks like."""

    def test_json_line_is_one_object_for_machines(self, written: Written) -> None:
        log = begin(LogFormat.JSON)
        try:
            fail("two\nlines")
        except ValueError:
            log.exception("Ünusual\n%s", "text")
        (line,) = written().splitlines()
        fields = json.loads(line)
        assert (fields["level"], fields["logger"]) == ("ERROR", "bot.somewhere")
        assert fields["message"] == "Ünusual\ntext"
        assert "two\nlines" in fields["traceback"]
        assert datetime.fromisoformat(fields["at"]).utcoffset() is not None

    def test_json_line_without_an_exception_has_no_traceback(self, written: Written) -> None:
        begin(LogFormat.JSON).info("fine")
        assert set(json.loads(written())) == {"at", "level", "logger", "message"}

    def test_text_line_says_when_how_bad_and_where(self, written: Written) -> None:
        begin().warning("Request %s waits.", 7)
        assert written().endswith("WARNING bot.somewhere: Request 7 waits.\n")


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
def test_set_up_at_any_level_keeps_the_libraries_from_writing_what_passes_through_them(
    written: Written, level: str
) -> None:
    """At DEBUG they write modal texts, request bodies and the values of SQL statements."""
    begin(level=level)
    for name in ("discord.gateway", "discord.http", "aiosqlite"):
        logging.getLogger(name).debug("a body with everything in it")
    assert written() == ""
    assert logging.getLogger("bot").isEnabledFor(logging.getLevelName(level))


def test_set_up_twice_writes_every_line_once(written: Written) -> None:
    begin()
    begin().info("once")
    assert written().count("once") == 1
