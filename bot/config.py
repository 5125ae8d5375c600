"""Settings: what the operator decides, from a mapping, frozen, every bad one named at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from bot.errors import ConfigError
from bot.store.vault import is_key

SKINSBACK_HOST: Final = "skinsback.com"
SKINSBACK_API_URL: Final = f"https://{SKINSBACK_HOST}/api.php"
SKINSBACK_WS_URL: Final = f"wss://{SKINSBACK_HOST}/ws/"
MINUTE_S: Final = 60.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_PORT: Final = re.compile("[1-9][0-9]{0,4}")
_PORT_MAX: Final = 65_535
_SECONDS: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,3})?")
_ID: Final = re.compile("[1-9][0-9]{0,18}")
_ID_MAX: Final = 2**63 - 1  # what a column of the database holds

T = TypeVar("T")


class Market(StrEnum):
    """Where skins are bought."""

    SKINSBACK = "skinsback"
    SANDBOX = "sandbox"


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Settings:
    """One field for each setting; its name in the environment is the field's in capitals."""

    discord_token: str = field(repr=False)
    market: Market = Market.SANDBOX
    skinsback_client_id: str = ""
    skinsback_client_secret: str = field(default="", repr=False)
    database_path: Path = Path("data/quartermaster.db")
    data_keys: tuple[str, ...] = field(default=(), repr=False)
    allowed_guild_ids: frozenset[int] = frozenset()
    operator_ids: frozenset[int] = frozenset()
    log_level: str = "INFO"
    log_format: LogFormat = LogFormat.TEXT
    health_port: int | None = None
    discord_api_url: str = ""
    discord_gateway_url: str = ""
    skinsback_api_url: str = ""
    skinsback_ws_url: str = ""
    skinsback_minute_s: float = MINUTE_S

    @property
    def sandbox(self) -> bool:
        """Whether this is a rehearsal, with no real money in it."""
        return self.market is Market.SANDBOX

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings. Raises ``ConfigError``, one line that names every bad one."""
        reader = _Reader(environment)
        settings = cls(
            discord_token=reader.required("DISCORD_TOKEN"),
            market=reader.read("MARKET", _one_of(Market), Market.SANDBOX),
            skinsback_client_id=reader.read("SKINSBACK_CLIENT_ID", str, ""),
            skinsback_client_secret=reader.read("SKINSBACK_CLIENT_SECRET", str, ""),
            database_path=reader.read("DATABASE_PATH", Path, Path("data/quartermaster.db")),
            data_keys=reader.read("DATA_KEYS", _keys, ()),
            allowed_guild_ids=reader.read("ALLOWED_GUILD_IDS", _ids, frozenset()),
            operator_ids=reader.read("OPERATOR_IDS", _ids, frozenset()),
            log_level=reader.read("LOG_LEVEL", _log_level, "INFO"),
            log_format=reader.read("LOG_FORMAT", _one_of(LogFormat), LogFormat.TEXT),
            health_port=reader.read("HEALTH_PORT", _port, None),
            discord_api_url=reader.read("DISCORD_API_URL", _url("http", "https"), ""),
            discord_gateway_url=reader.read("DISCORD_GATEWAY_URL", _url("ws", "wss"), ""),
            skinsback_api_url=reader.read("SKINSBACK_API_URL", _url("http", "https"), ""),
            skinsback_ws_url=reader.read("SKINSBACK_WS_URL", _socket_url, ""),
            skinsback_minute_s=reader.read("SKINSBACK_MINUTE_S", _minute, MINUTE_S),
        )
        settings._check_market(reader)
        reader.raise_if_bad()
        return settings

    def _check_market(self, reader: _Reader) -> None:
        """With real money, credentials must be there and may go to their own host only."""
        if self.sandbox:
            return
        for name in ("SKINSBACK_CLIENT_ID", "SKINSBACK_CLIENT_SECRET"):
            reader.required(name)
        if self.skinsback_minute_s < MINUTE_S:
            reader.bad.append("SKINSBACK_MINUTE_S must be 60 with real money")
        if not _is_trusted(self.skinsback_api_url or SKINSBACK_API_URL, "https"):
            reader.bad.append(
                f"SKINSBACK_API_URL must be https://{SKINSBACK_HOST}/… or an address of this "
                "machine, because the Client Secret is sent there"
            )
        if not _is_trusted(self.skinsback_ws_url or SKINSBACK_WS_URL, "wss"):
            reader.bad.append(
                f"SKINSBACK_WS_URL must be wss://{SKINSBACK_HOST}/… or an address of this "
                "machine, because what is sent there is made of the Client Secret"
            )


class _Reader:
    """Reads settings one by one and remembers what was wrong with each."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.bad: list[str] = []

    def required(self, name: str) -> str:
        value = self._environment.get(name, "").strip()
        if not value:
            self.bad.append(f"{name} is missing")
        return value

    def read(self, name: str, parse: Callable[[str], T], default: T) -> T:
        value = self._environment.get(name, "").strip()
        if not value:
            return default
        try:
            return parse(value)
        except ValueError as error:
            self.bad.append(f"{name} {error}")
            return default

    def raise_if_bad(self) -> None:
        if self.bad:
            raise ConfigError(
                f"Settings: {'; '.join(self.bad)}. Each is explained in .env.example."
            )


E = TypeVar("E", bound=StrEnum)


def _one_of(kind: type[E]) -> Callable[[str], E]:
    def parse(text: str) -> E:
        try:
            return kind(text.lower())
        except ValueError:
            choices = " or ".join(member.value for member in kind)
            raise ValueError(f"must be {choices}") from None

    return parse


def _ids(text: str) -> frozenset[int]:
    parts = text.replace(",", " ").split()
    if not all(_ID.fullmatch(part) and int(part) <= _ID_MAX for part in parts):
        raise ValueError("must be ids (numbers), with commas between them")
    return frozenset(int(part) for part in parts)


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(is_key(key) for key in keys):
        raise ValueError("must be keys of 44 characters, with commas between them")
    return keys


def _log_level(text: str) -> str:
    if text.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
    return text.upper()


def _port(text: str) -> int | None:
    if not _PORT.fullmatch(text) or int(text) > _PORT_MAX:
        raise ValueError("must be a port, 1 to 65535")
    return int(text)


def _minute(text: str) -> float:
    if not _SECONDS.fullmatch(text) or not 0 < float(text) <= MINUTE_S:
        raise ValueError("must be seconds, more than 0 and at most 60")
    return float(text)


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        try:
            address = urlsplit(text)
            usable = address.scheme in schemes and address.hostname and address.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ValueError(f"must be an address that starts with {schemes[0]}://")
        return text.rstrip("/")

    return parse


def _socket_url(text: str) -> str:
    """Check an address and keep its last slash, without which it is another one."""
    _url("ws", "wss")(text)
    return text


def _is_trusted(url: str, scheme: str) -> bool:
    """Say whether an address is the market's own, reached safely, or on this machine."""
    address = urlsplit(url)
    own = address.hostname == SKINSBACK_HOST and address.scheme == scheme
    return own or address.hostname in _LOOPBACK
