"""The README's pictures: messages that the bot really sent, drawn as Discord's dark theme does.

Nothing here looks at a bot or at Discord: a message's JSON goes in, an SVG that needs nothing else
comes out, always the same for the same message.
"""
