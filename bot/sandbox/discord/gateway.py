"""The gateway: sessions, heartbeats, events, and resuming where a connection broke.

Source: Discord's events/gateway. Frames are plain JSON text; discord.py accepts them also where it
asked for compression. A session remembers everything it was told, so a RESUME replays what a broken
connection missed.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any, Final

from aiohttp import WSMsgType, web

from bot.sandbox.discord import payloads
from bot.sandbox.discord.events import Event

if TYPE_CHECKING:
    from bot.sandbox.discord.state import World

HEARTBEAT_MS: Final = 41_250
AUTHENTICATION_FAILED: Final = 4004
NOT_AUTHENTICATED: Final = 4003
UNKNOWN_ERROR: Final = 4000


class Op(IntEnum):
    """Gateway opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    RESUME = 6
    RECONNECT = 7
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Intent(IntFlag):
    """What a bot may ask to be told."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MESSAGES = 1 << 9
    DIRECT_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15


_INTENT_OF: Final[dict[str, Intent]] = {
    "GUILD_CREATE": Intent.GUILDS,
    "GUILD_DELETE": Intent.GUILDS,
    "GUILD_ROLE_CREATE": Intent.GUILDS,
    "GUILD_ROLE_UPDATE": Intent.GUILDS,
    "GUILD_ROLE_DELETE": Intent.GUILDS,
    "CHANNEL_CREATE": Intent.GUILDS,
    "CHANNEL_UPDATE": Intent.GUILDS,
    "CHANNEL_DELETE": Intent.GUILDS,
    "GUILD_MEMBER_ADD": Intent.GUILD_MEMBERS,
    "GUILD_MEMBER_UPDATE": Intent.GUILD_MEMBERS,
    "GUILD_MEMBER_REMOVE": Intent.GUILD_MEMBERS,
}


@dataclass(eq=False)
class Session:
    """One logged-in bot (or shard of it), and all it was told."""

    id: str
    intents: Intent
    shard: tuple[int, int]
    told: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    socket: web.WebSocketResponse | None = None
    replayed: int = 0

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Add an event; it is sent now, or after the next RESUME."""
        frame = {"op": Op.DISPATCH, "s": len(self.told) + 1, "t": name, "d": data}
        self.told.append(json.dumps(frame))
        self.news.set()

    def wants(self, event: Event) -> bool:
        """Tell whether this session is told of an event: by shard and by intents."""
        index, count = self.shard
        if ((event.guild_id or 0) >> 22) % count != index:
            return False
        if event.name.startswith("MESSAGE_"):
            in_guild = event.guild_id is not None
            needed = Intent.GUILD_MESSAGES if in_guild else Intent.DIRECT_MESSAGES
        else:
            needed = _INTENT_OF.get(event.name, Intent(0))
        return needed in self.intents

    def shown(self, event: Event) -> dict[str, Any]:
        """Return an event's data as far as the intents let this session see it."""
        if event.name == "GUILD_CREATE" and Intent.GUILD_MEMBERS not in self.intents:
            own = [each for each in event.data["members"] if each["user"].get("bot")]
            return event.data | {"members": own}
        if event.without_content is not None and Intent.MESSAGE_CONTENT not in self.intents:
            return event.without_content
        return event.data


class Gateway:
    """Keeps the sessions, and tells them what happens in the world."""

    def __init__(self, world: World, token: str) -> None:
        self._world = world
        self._token = token
        self._sessions: dict[str, Session] = {}
        self.url = ""
        self.identified = 0
        self.resumed = 0
        world.listeners.append(self._dispatch)

    @property
    def ready(self) -> bool:
        """Whether a bot is connected and was told its guilds."""
        return any(session.socket is not None for session in self._sessions.values())

    @property
    def intents(self) -> Intent:
        """What the connected bot asked to be told."""
        intents = Intent(0)
        for session in self._sessions.values():
            intents |= session.intents
        return intents

    async def drop(self, code: int = UNKNOWN_ERROR) -> None:
        """Close every connection; with the default code the bot resumes."""
        for session in list(self._sessions.values()):
            if session.socket is not None:
                await session.socket.close(code=code)

    async def ask_to_reconnect(self) -> None:
        """Tell every connection to reconnect (op 7), as Discord does every few hours."""
        await self._send_all({"op": Op.RECONNECT, "d": None})

    async def invalidate(self) -> None:
        """Tell every connection that its session is over (op 9); the bot must identify anew."""
        sockets = [session.socket for session in self._sessions.values()]
        self._sessions.clear()
        for socket in sockets:
            if socket is not None:
                await socket.send_json({"op": Op.INVALID_SESSION, "d": False})

    async def _send_all(self, frame: dict[str, Any]) -> None:
        for session in self._sessions.values():
            if session.socket is not None:
                await session.socket.send_json(frame)

    def _dispatch(self, event: Event) -> None:
        for session in self._sessions.values():
            if session.wants(event):
                session.tell(event.name, session.shown(event))

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection from HELLO to its end."""
        socket = web.WebSocketResponse(max_msg_size=1 << 24)
        await socket.prepare(request)
        await socket.send_json({"op": Op.HELLO, "d": {"heartbeat_interval": HEARTBEAT_MS}})
        session: Session | None = None
        sender: asyncio.Task[None] | None = None
        try:
            async for received in socket:
                if received.type != WSMsgType.TEXT:
                    continue
                frame = json.loads(received.data)
                if frame["op"] == Op.HEARTBEAT:
                    await socket.send_json({"op": Op.HEARTBEAT_ACK, "d": None})
                elif frame["op"] in (Op.IDENTIFY, Op.RESUME):
                    session = await self._log_in(socket, frame)
                    if session is not None:
                        sender = asyncio.create_task(self._send_news(session, socket))
                elif session is None:
                    await socket.close(code=NOT_AUTHENTICATED)
        finally:
            if sender is not None:
                sender.cancel()
                await asyncio.gather(sender, return_exceptions=True)
            if session is not None and session.socket is socket:
                session.socket = None
                self._world.changes.announce()
        return socket

    async def _log_in(self, socket: web.WebSocketResponse, frame: dict[str, Any]) -> Session | None:
        """Start or resume a session; None if the bot has to try again."""
        data = frame["d"]
        if data["token"] != self._token:
            await socket.close(code=AUTHENTICATION_FAILED)
            return None
        if frame["op"] == Op.IDENTIFY:
            return self._identify(socket, data)
        session = self._sessions.get(data["session_id"])
        if session is None:
            await socket.send_json({"op": Op.INVALID_SESSION, "d": False})
            return None
        session.socket = socket
        session.replayed = data["seq"] or 0
        session.tell("RESUMED", {})
        self.resumed += 1
        self._world.changes.announce()
        return session

    def _identify(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> Session:
        index, count = data.get("shard") or (0, 1)
        session = Session(secrets.token_hex(16), Intent(data["intents"]), (index, count))
        session.socket = socket
        self._forget_old_sessions(session.shard)
        self._sessions[session.id] = session
        guilds = [
            guild
            for guild in self._world.guilds.values()
            if guild.has_bot and (guild.id >> 22) % count == index
        ]
        ready = {
            "v": 10,
            "user": payloads.own_user(self._world.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "shard": [index, count],
            "application": {"id": str(self._world.bot.id), "flags": 0},
            "private_channels": [],
        }
        session.tell("READY", ready)
        self.identified += 1
        for guild in guilds:
            arrival = Event("GUILD_CREATE", payloads.guild_create(guild), guild.id)
            if session.wants(arrival):
                session.tell(arrival.name, session.shown(arrival))
        self._world.changes.announce()
        return session

    def _forget_old_sessions(self, shard: tuple[int, int]) -> None:
        """Drop the broken sessions of a bot that logged in anew: it will never resume them."""
        for old in list(self._sessions.values()):
            if old.shard == shard and (old.socket is None or old.socket.closed):
                del self._sessions[old.id]

    async def _send_news(self, session: Session, socket: web.WebSocketResponse) -> None:
        sent = session.replayed
        while not socket.closed:
            session.news.clear()
            while sent < len(session.told):
                await socket.send_str(session.told[sent])
                sent += 1
            await session.news.wait()
