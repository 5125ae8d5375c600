"""Slash commands, by audience. Thin: parse, call one service method, render the answer."""
