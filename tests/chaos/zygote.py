"""A process that has imported the bot and forks one for every start: a start costs no imports.

It has no event loop and no thread, so what is forked off is as good as new. Orders come as lines of
JSON on its standard input, and what became of them goes out the same way. A module that it is given
imports all that a bot needs; its ``live`` is what each fork does.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import random
import select
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib import import_module
from itertools import count
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread
from types import TracebackType
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent.parent
CHAOS: Final = "tests.chaos.bot"
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class Order:
    """A bot to be started: its settings, its log, and what is to happen to it.

    ``step``, ``nth``, ``delay_s``: kill it so long after it has come to that step for the nth time.
    ``mutant``: the deliberate fault that it has.
    """

    environment: Mapping[str, str]
    log_path: str
    step: str = ""
    nth: int = 1
    delay_s: float = 0.0
    mutant: str = ""


@dataclass(eq=False)
class Bot:
    """One life of the bot."""

    number: int
    zygote: Zygote
    order: Order
    loop: asyncio.AbstractEventLoop
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    code: int | None = None
    """The exit code; minus the signal's number if one ended it."""

    @property
    def running(self) -> bool:
        """Whether the process lives, as far as was heard."""
        return not self.ended.is_set()

    def note_end(self, code: int | None) -> None:
        """Hear, in another thread, with which code it has ended; None: with its server."""

        def note() -> None:
            self.code = code
            self.ended.set()

        with suppress(RuntimeError):  # its loop is closed, so nobody waits for it any more
            self.loop.call_soon_threadsafe(note)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal, if it lives."""
        self.zygote.send({"kill": self.number, "signal": int(number)})

    async def wait(self, timeout_s: float) -> int:
        """Wait for its end and return its exit code. Raises ``TimeoutError``."""
        async with asyncio.timeout(timeout_s):
            await self.ended.wait()
        return self.code if self.code is not None else -int(signal.SIGKILL)

    def log(self) -> str:
        """Return all that it has logged."""
        path = Path(self.order.log_path)
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def died_at(self) -> str:
        """The named step at which it killed itself, or nothing."""
        for line in reversed(self.log().splitlines()):
            if line.startswith(DIES_AT):
                return line.removeprefix(DIES_AT)
        return ""


DIES_AT: Final = "chaos: dies at "


class Zygote:
    """The fork server as its user sees it; a context manager, of no event loop in particular."""

    def __init__(self, module: str) -> None:
        """``module``: what it imports, and whose ``live`` a bot is."""
        self._module = module
        self._process: Popen[bytes] | None = None
        self._reading = Thread(target=self._listen, daemon=True)
        self._bots: dict[int, Bot] = {}
        self._numbers = count(1)

    def __enter__(self) -> Self:
        self._process = Popen(
            [sys.executable, "-m", "tests.chaos.zygote", self._module],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=PIPE,
            stdout=PIPE,
        )
        if self._process.stdout is not None:
            self._process.stdout.readline()  # it has imported everything, or is broken
        self._reading.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            return
        # It ends all that it has started when nobody gives it orders any more.
        self._process.stdin.close()
        self._process.wait()
        self._reading.join()
        self._process.stdout.close()

    def start(self, order: Order) -> Bot:
        """Start a bot, which belongs to the event loop that runs."""
        bot = Bot(next(self._numbers), self, order, asyncio.get_running_loop())
        self._bots[bot.number] = bot
        self.send({"start": bot.number, "order": asdict(order)})
        return bot

    def send(self, message: Mapping[str, Any]) -> None:
        """Give an order."""
        if self._process is None or self._process.stdin is None:
            raise RuntimeError("the fork server was never started")
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _listen(self) -> None:
        """In a thread of its own: note what has ended, until there is no server any more."""
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("the fork server was never started")
        for line in self._process.stdout:
            said = json.loads(line)
            self._bots.pop(said["ended"]).note_end(said["code"])
        for bot in list(self._bots.values()):
            bot.note_end(None)


class _Server:
    """The fork server itself."""

    def __init__(self, live: Callable[[Order], int]) -> None:
        self._live = live
        self._pids: dict[int, int] = {}
        self._woken, waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._orders = b""

    def serve(self) -> None:
        """Start, kill and bury until there are no more orders."""
        self._say({"hello": 1})
        while True:
            ready, _, _ = select.select([0, self._woken], [], [])
            if self._woken in ready:
                with suppress(BlockingIOError):
                    os.read(self._woken, 4096)
                self._bury()
            if 0 in ready and not self._hear():
                break
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)

    def _say(self, message: Mapping[str, int]) -> None:
        os.write(1, json.dumps(message).encode() + b"\n")

    def _hear(self) -> bool:
        heard = os.read(0, 1 << 20)
        *lines, self._orders = (self._orders + heard).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "start" in said:
                self._start(said["start"], Order(**said["order"]))
            else:
                for pid in [pid for pid, number in self._pids.items() if number == said["kill"]]:
                    os.kill(pid, said["signal"])
        return bool(heard)

    def _bury(self) -> None:
        while self._pids:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            self._say({"ended": self._pids.pop(pid), "code": code})

    def _start(self, number: int, order: Order) -> None:
        pid = os.fork()
        if pid:
            self._pids[pid] = number
            return
        # As any process ends: what it has left running keeps it alive, and what breaks is logged.
        _become_the_bot(order)
        sys.exit(self._live(order))


def _become_the_bot(order: Order) -> None:
    """Take on a process of its own: files, signals, chance, environment."""
    # Whoever ends the server ends its bots.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, 256)
    random.seed()
    os.environ.clear()
    os.environ.update(order.environment)
    # A folder without a .env of the person at this machine.
    os.chdir(Path(order.log_path).parent)


def main() -> None:
    """Import everything once, then serve."""
    module = import_module(sys.argv[1])
    gc.collect()
    gc.freeze()
    _Server(module.live).serve()


if __name__ == "__main__":
    main()
