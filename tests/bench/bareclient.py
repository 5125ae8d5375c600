"""The least that discord.py can do: ``python -m tests.bench.bareclient`` only defers."""

from __future__ import annotations

import os
from typing import Any

import discord

from bot.app import point_discord_at


class BareClient(discord.Client):
    """Promises an answer to everything and never gives one."""

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Answer as the bot does first."""
        await interaction.response.defer(ephemeral=True, thinking=True)


def main() -> None:
    """Connect with the bot's own options."""
    point_discord_at(os.environ["DISCORD_API_URL"], os.environ["DISCORD_GATEWAY_URL"])
    client = BareClient(
        intents=discord.Intents(guilds=True),
        member_cache_flags=discord.MemberCacheFlags.none(),
        chunk_guilds_at_startup=False,
        max_messages=None,
        guild_ready_timeout=0.5,
    )
    client.run(os.environ["DISCORD_TOKEN"], log_handler=None)


if __name__ == "__main__":
    main()
