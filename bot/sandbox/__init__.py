"""Stand-ins for the market and for Discord that run on this machine, for tests and the demo."""
