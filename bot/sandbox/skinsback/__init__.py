"""A stand-in for the SkinsBack market that runs on this machine and spends nobody's money."""

from bot.sandbox.skinsback.faults import Fault
from bot.sandbox.skinsback.profile import KeyCheck, ListLookup, Profile, Refund
from bot.sandbox.skinsback.server import SkinsbackSandbox
from bot.sandbox.skinsback.sockets import Greeting

__all__ = ["Fault", "Greeting", "KeyCheck", "ListLookup", "Profile", "Refund", "SkinsbackSandbox"]
