"""Settings: every bad one is named at once, in words, and no secret is ever repeated."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import LogFormat, Market, Settings
from bot.errors import ConfigError

KEY, OLD_KEY = (urlsafe_b64encode(bytes([number] * 32)).decode() for number in (1, 2))
SANDBOX = {"DISCORD_TOKEN": "discord-token"}
REAL = SANDBOX | {
    "MARKET": "skinsback",
    "SKINSBACK_CLIENT_ID": "1001",
    "SKINSBACK_CLIENT_SECRET": "client-secret",
}
EVERYTHING = REAL | {
    "DATABASE_PATH": "/data/quartermaster.db",
    "DATA_KEYS": f"{KEY}, {OLD_KEY}",
    "ALLOWED_GUILD_IDS": "111, 222",
    "OPERATOR_IDS": "333 444",
    "LOG_LEVEL": "debug",
    "LOG_FORMAT": "JSON",
    "HEALTH_PORT": "8080",
    "DISCORD_API_URL": "http://127.0.0.1:9000/api/v10/",
    "DISCORD_GATEWAY_URL": "ws://127.0.0.1:9000",
    "SKINSBACK_API_URL": "http://localhost:9001/api.php",
    "SKINSBACK_WS_URL": "ws://localhost:9001/ws/",
}


def test_settings_with_a_token_alone_are_a_rehearsal_with_the_defaults() -> None:
    assert Settings.from_mapping(SANDBOX) == Settings("discord-token")
    assert Settings.from_mapping(SANDBOX).sandbox


def test_settings_when_everything_is_set_are_read_as_they_are_meant() -> None:
    settings = Settings.from_mapping(EVERYTHING)
    assert settings == Settings(
        discord_token="discord-token",
        market=Market.SKINSBACK,
        skinsback_client_id="1001",
        skinsback_client_secret="client-secret",
        database_path=Path("/data/quartermaster.db"),
        data_keys=(KEY, OLD_KEY),
        allowed_guild_ids=frozenset({111, 222}),
        operator_ids=frozenset({333, 444}),
        log_level="DEBUG",
        log_format=LogFormat.JSON,
        health_port=8080,
        discord_api_url="http://127.0.0.1:9000/api/v10",
        discord_gateway_url="ws://127.0.0.1:9000",
        skinsback_api_url="http://localhost:9001/api.php",
        skinsback_ws_url="ws://localhost:9001/ws/",
    )
    assert not settings.sandbox


def test_settings_that_are_empty_or_blank_are_as_if_they_were_missing() -> None:
    blank = dict.fromkeys(EVERYTHING, "  ") | SANDBOX
    assert Settings.from_mapping(blank) == Settings("discord-token")


def test_settings_with_spaces_around_them_are_read_without() -> None:
    spaced = {name: f" {value} " for name, value in EVERYTHING.items()}
    assert Settings.from_mapping(spaced) == Settings.from_mapping(EVERYTHING)


def test_settings_of_other_programs_are_not_looked_at() -> None:
    assert Settings.from_mapping(SANDBOX | {"PATH": "/bin", "TOKEN": "x"}) == Settings(
        "discord-token"
    )


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DISCORD_TOKEN", "", "is missing"),
        ("MARKET", "steam", "must be skinsback or sandbox"),
        ("SKINSBACK_CLIENT_ID", "", "is missing"),
        ("SKINSBACK_CLIENT_SECRET", "", "is missing"),
        ("DATA_KEYS", "short", "must be keys of 44 characters"),
        ("DATA_KEYS", f"{KEY},short", "must be keys of 44 characters"),
        ("DATA_KEYS", KEY + OLD_KEY, "must be keys of 44 characters"),
        ("ALLOWED_GUILD_IDS", "Friday Cup", "must be ids"),
        ("ALLOWED_GUILD_IDS", "111;222", "must be ids"),
        ("ALLOWED_GUILD_IDS", "-5", "must be ids"),
        ("ALLOWED_GUILD_IDS", "١٢٣", "must be ids"),
        ("ALLOWED_GUILD_IDS", "9" * 5_000, "must be ids"),
        ("ALLOWED_GUILD_IDS", str(2**63), "must be ids"),
        ("OPERATOR_IDS", "ana", "must be ids"),
        ("LOG_LEVEL", "loud", "must be DEBUG, INFO, WARNING or ERROR"),
        ("LOG_FORMAT", "xml", "must be text or json"),
        ("HEALTH_PORT", "http", "must be a port"),
        ("HEALTH_PORT", "0", "must be a port"),
        ("HEALTH_PORT", "65536", "must be a port"),
        ("HEALTH_PORT", "-1", "must be a port"),
        ("HEALTH_PORT", "9" * 5_000, "must be a port"),
        ("DISCORD_API_URL", "discord.com/api", "must be an address that starts with http://"),
        ("DISCORD_API_URL", "ws://discord.com", "must be an address that starts with http://"),
        ("DISCORD_API_URL", "http://", "must be an address that starts with http://"),
        ("DISCORD_API_URL", "http://[::1", "must be an address that starts with http://"),
        ("DISCORD_API_URL", "http://host:port/", "must be an address that starts with http://"),
        ("DISCORD_GATEWAY_URL", "http://127.0.0.1", "must be an address that starts with ws://"),
        ("SKINSBACK_API_URL", "/api.php", "must be an address that starts with http://"),
        ("SKINSBACK_WS_URL", "http://127.0.0.1/ws/", "must be an address that starts with ws://"),
    ],
)
def test_settings_with_one_bad_value_name_it_and_say_what_it_must_be(
    name: str, value: str, says: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.from_mapping(EVERYTHING | {name: value})
    line = str(refused.value)
    assert f"{name} {says}" in line
    assert line.count(";") == 0
    assert "\n" not in line
    assert len(line) < 300


def test_settings_with_many_bad_values_name_them_all_in_one_line() -> None:
    bad = {
        "MARKET": "skinsback",
        "DATA_KEYS": "x",
        "ALLOWED_GUILD_IDS": "x",
        "OPERATOR_IDS": "x",
        "LOG_LEVEL": "x",
        "LOG_FORMAT": "x",
        "HEALTH_PORT": "x",
        "DISCORD_API_URL": "x",
        "DISCORD_GATEWAY_URL": "x",
        "SKINSBACK_API_URL": "x",
        "SKINSBACK_WS_URL": "x",
    }
    missing = {"DISCORD_TOKEN", "SKINSBACK_CLIENT_ID", "SKINSBACK_CLIENT_SECRET"}
    with pytest.raises(ConfigError) as refused:
        Settings.from_mapping(bad)
    line = str(refused.value)
    assert all(name in line for name in missing | set(bad) - {"MARKET"})
    assert ".env.example" in line
    assert "\n" not in line


class TestMinuteOfTheMarket:
    """A rehearsal may have a short one; with real money it is as long as it is."""

    @pytest.mark.parametrize(("value", "seconds"), [("2", 2.0), ("0.05", 0.05), ("60", 60.0)])
    def test_minute_of_a_rehearsal_may_be_shorter(self, value: str, seconds: float) -> None:
        settings = Settings.from_mapping(SANDBOX | {"SKINSBACK_MINUTE_S": value})
        assert settings.skinsback_minute_s == seconds

    @pytest.mark.parametrize("value", ["0", "0.000", "61", "-1", "nan", "1e1", "soon"])
    def test_minute_that_is_none_or_longer_is_refused(self, value: str) -> None:
        with pytest.raises(ConfigError, match="SKINSBACK_MINUTE_S must be seconds"):
            Settings.from_mapping(SANDBOX | {"SKINSBACK_MINUTE_S": value})

    def test_minute_of_the_real_market_can_not_be_shortened(self) -> None:
        with pytest.raises(ConfigError, match="SKINSBACK_MINUTE_S must be 60 with real money"):
            Settings.from_mapping(REAL | {"SKINSBACK_MINUTE_S": "59"})
        assert Settings.from_mapping(REAL | {"SKINSBACK_MINUTE_S": "60"}).skinsback_minute_s == 60


class TestMarketAddress:
    """With real money the Client Secret goes to its own host only."""

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "https://skinsback.com/api.php",
            "https://SKINSBACK.com/api.php",
            "http://127.0.0.1:9001/api.php",
            "http://localhost:9001/api.php",
            "http://[::1]:9001/api.php",
        ],
    )
    def test_address_of_the_market_or_of_this_machine_is_taken(self, address: str) -> None:
        assert Settings.from_mapping(REAL | {"SKINSBACK_API_URL": address}).market

    @pytest.mark.parametrize(
        "address",
        [
            "http://skinsback.com/api.php",
            "https://skinsback.com.evil.example/api.php",
            "https://skinsback.com@evil.example/api.php",
            "https://evil.example/skinsback.com",
            "https://127.0.0.1.evil.example/api.php",
            "https://10.0.0.5/api.php",
        ],
    )
    def test_address_of_anybody_else_is_refused(self, address: str) -> None:
        with pytest.raises(ConfigError, match="SKINSBACK_API_URL must be"):
            Settings.from_mapping(REAL | {"SKINSBACK_API_URL": address})

    @pytest.mark.parametrize(
        "address", ["wss://skinsback.com/ws/", "wss://SKINSBACK.com/ws/", "ws://[::1]:9001/ws/"]
    )
    def test_socket_of_the_market_or_of_this_machine_is_taken_as_it_is(self, address: str) -> None:
        settings = Settings.from_mapping(REAL | {"SKINSBACK_WS_URL": address})
        assert settings.skinsback_ws_url == address

    @pytest.mark.parametrize(
        "address",
        [
            "ws://skinsback.com/ws/",
            "wss://skinsback.com.evil.example/ws/",
            "wss://skinsback.com@evil.example/ws/",
            "wss://10.0.0.5/ws/",
        ],
    )
    def test_socket_of_anybody_else_is_refused(self, address: str) -> None:
        with pytest.raises(ConfigError, match="SKINSBACK_WS_URL must be"):
            Settings.from_mapping(REAL | {"SKINSBACK_WS_URL": address})

    def test_address_of_a_rehearsal_may_be_anywhere(self) -> None:
        address = "http://market:9001/api.php"
        settings = Settings.from_mapping(SANDBOX | {"SKINSBACK_API_URL": address})
        assert settings.skinsback_api_url == address


class TestSecrets:
    """What is secret is never repeated."""

    def test_secrets_are_not_in_the_repr(self) -> None:
        shown = repr(Settings.from_mapping(EVERYTHING))
        for secret in ("discord-token", "client-secret", KEY, OLD_KEY):
            assert secret not in shown

    @pytest.mark.parametrize("name", EVERYTHING)
    def test_value_that_is_bad_is_not_repeated(self, name: str) -> None:
        """It may be a secret that was put into the wrong line."""
        try:
            Settings.from_mapping(EVERYTHING | {name: "s3cr3t in the wrong line"})
        except ConfigError as refused:
            assert "s3cr3t" not in str(refused)  # noqa: PT017 - some names take any text

    @given(st.dictionaries(st.sampled_from(sorted(EVERYTHING)), st.text(max_size=30)))
    def test_any_values_are_taken_or_refused_with_the_one_error(
        self, environment: dict[str, str]
    ) -> None:
        try:
            settings = Settings.from_mapping(EVERYTHING | environment)
        except ConfigError:
            return
        assert settings.discord_token


def test_settings_once_read_cant_be_changed() -> None:
    settings = Settings.from_mapping(SANDBOX)
    with pytest.raises(FrozenInstanceError):
        settings.discord_token = "another"  # type: ignore[misc]  # it is frozen
