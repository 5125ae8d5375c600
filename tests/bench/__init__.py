"""``make bench``: the budgets, each measured against a baseline in the same run."""
