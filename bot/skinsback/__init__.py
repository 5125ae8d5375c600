"""The market: what its protocol says (sans-IO) and the client that speaks it."""
