"""A small real discord.py bot that uses everything Quartermaster uses, to try the stand-in on.

``python -m tests.sandbox.discord.samplebot`` runs it as a process, led by the environment.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import discord
import yarl
from discord import app_commands, ui

SKINS = ["AK-47 | Redline (Field-Tested)", "AWP | Asiimov (Field-Tested)", "M4A4 | Howl"]

Interaction = discord.Interaction["SampleBot"]


def point_at(environment: dict[str, str]) -> None:
    """Lead discord.py to the stand-in."""
    discord.http.Route.BASE = environment["DISCORD_API_URL"]
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(environment["DISCORD_GATEWAY_URL"])


def card(text: str, *, note: str = "") -> ui.LayoutView:
    """Build a Components V2 card whose buttons go to the router: the view is stopped."""
    view = ui.LayoutView(timeout=None)
    container: ui.Container[Any] = ui.Container()
    container.add_item(
        ui.Section(
            ui.TextDisplay(f"**{text}**"),
            accessory=ui.Thumbnail("https://example.com/redline.png"),
        )
    )
    if note:
        container.add_item(ui.TextDisplay(note))
    row: ui.ActionRow[Any] = ui.ActionRow()
    row.add_item(
        ui.Button(
            label="Approve $12.40", custom_id="req1:7:approve", style=discord.ButtonStyle.green
        )
    )
    row.add_item(ui.Button(label="Deny", custom_id="req1:7:deny"))
    row.add_item(ui.Button(label="Closed", custom_id="req1:7:closed", disabled=True))
    row.add_item(ui.Button(label="Steam", url="https://steamcommunity.com/my"))
    container.add_item(row)
    view.add_item(container)
    view.stop()
    return view


def menus() -> ui.View:
    """Build a classic view with the three kinds of menus."""
    view = ui.View(timeout=None)
    options = [discord.SelectOption(label=skin, value=str(i)) for i, skin in enumerate(SKINS)]
    view.add_item(ui.Select(placeholder="Pick a skin", custom_id="pick", options=options))
    view.add_item(ui.RoleSelect(placeholder="Who may approve", custom_id="role"))
    view.add_item(ui.ChannelSelect(placeholder="Where", custom_id="channel"))
    view.stop()
    return view


class DenyModal(ui.Modal, title="Deny request 7"):
    """A modal with labels around a text input and a select."""

    reason: ui.Label[Any] = ui.Label(
        text="Reason", component=ui.TextInput(max_length=200, custom_id="reason")
    )
    note: ui.Label[Any] = ui.Label(
        text="Note",
        component=ui.TextInput(required=False, default="as typed before", custom_id="note"),
    )
    why: ui.Label[Any] = ui.Label(
        text="Kind",
        component=ui.Select(
            custom_id="kind",
            required=False,
            options=[discord.SelectOption(label="Price"), discord.SelectOption(label="Stock")],
        ),
    )


class SampleBot(discord.Client):
    """Commands and one router for components and modals."""

    def __init__(self) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            guild_ready_timeout=0.05,
        )
        self.tree = app_commands.CommandTree(self)
        self.resumes = 0
        self.seen_roles: list[int] = []
        self.clicks: list[str] = []
        self.decided_by: int | None = None
        add_commands(self.tree)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Identify at once: discord.py would wait 5 seconds after an invalid session."""

    async def on_resumed(self) -> None:
        self.resumes += 1

    async def on_interaction(self, interaction: Interaction) -> None:
        if interaction.type is discord.InteractionType.component:
            await self.route_click(interaction)
        elif interaction.type is discord.InteractionType.modal_submit:
            await self.route_modal(interaction)

    async def route_click(self, interaction: Interaction) -> None:
        data: Any = interaction.data
        custom_id = data["custom_id"]
        self.clicks.append(custom_id)
        if isinstance(interaction.user, discord.Member):
            self.seen_roles = [role.id for role in interaction.user.roles]
        match custom_id:
            case "req1:7:approve":
                await interaction.response.defer()
                if self.decided_by is None:
                    self.decided_by = interaction.user.id
                    await interaction.edit_original_response(view=card("Request 7: approved"))
                else:
                    await interaction.followup.send("Already decided.", ephemeral=True)
            case "req1:7:deny":
                modal = DenyModal(custom_id="req1:7:deny:x7")
                modal.stop()
                await interaction.response.send_modal(modal)
            case "pick":
                skin = SKINS[int(data["values"][0])]
                await interaction.response.edit_message(content=f"Picked {skin}", view=None)
            case "role" | "channel":
                resolved = ", ".join(data["resolved"])
                await interaction.response.send_message(f"resolved: {resolved}", ephemeral=True)

    async def route_modal(self, interaction: Interaction) -> None:
        data: Any = interaction.data
        fields = [label["component"] for label in data["components"]]
        reason, note, kind = fields[0]["value"], fields[1]["value"], fields[2]["values"]
        await interaction.response.send_message(f"{reason} / {note} / {kind}", ephemeral=True)


def add_commands(tree: app_commands.CommandTree[SampleBot]) -> None:
    """Add the slash commands."""

    @tree.command(description="Ask for skins")
    @app_commands.describe(item="The skin", quantity="How many")
    @app_commands.guild_only()
    async def request(
        interaction: Interaction, item: str, quantity: app_commands.Range[int, 1, 25] = 1
    ) -> None:
        await interaction.response.send_message(f"{quantity} × {item}", ephemeral=True)

    @request.autocomplete("item")
    async def suggest(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        found = [skin for skin in SKINS if typed.lower() in skin.lower()]
        return [app_commands.Choice(name=skin, value=skin[:100]) for skin in found]

    @tree.command(description="Post a card")
    async def post(interaction: Interaction, note: str = "") -> None:
        await interaction.response.defer(ephemeral=True)
        channel: Any = interaction.channel
        message = await channel.send(view=card("Request 7: 1 skin", note=note))
        await interaction.edit_original_response(content=f"Posted {message.id}")

    @tree.command(description="Show menus")
    async def choose(interaction: Interaction) -> None:
        await interaction.response.send_message("Choose", view=menus(), ephemeral=True)

    @tree.command(description="Answer twice")
    async def twice(interaction: Interaction) -> None:
        await interaction.response.defer(thinking=True, ephemeral=True)
        await interaction.followup.send("first", ephemeral=True)
        await interaction.followup.send("second", ephemeral=True)

    @tree.command(description="Never answer")
    async def never(interaction: Interaction) -> None:
        await asyncio.sleep(0)

    @tree.command(name="say-to", description="Send a direct message")
    @app_commands.default_permissions(manage_guild=True)
    async def say_to(interaction: Interaction, user: discord.User, text: str) -> None:
        await interaction.response.defer(ephemeral=True)
        try:
            await user.send(text)
        except discord.Forbidden as error:
            await interaction.edit_original_response(content=f"Refused: {error.code}")
        else:
            await interaction.edit_original_response(content="Sent")

    settings = app_commands.Group(name="settings", description="Settings", guild_only=True)

    @settings.command(description="Pause buying")
    async def pause(interaction: Interaction, minutes: int) -> None:
        await interaction.response.send_message(f"Paused for {minutes}")

    tree.add_command(settings)


async def main() -> None:
    """Run the bot against the stand-in that the environment names."""
    point_at(dict(os.environ))
    async with SampleBot() as bot:
        await bot.start(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    asyncio.run(main())
