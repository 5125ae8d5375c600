"""Use cases and workers. They know the domain, the market and the store, and nothing of Discord."""
