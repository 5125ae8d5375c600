"""Cards: pure functions from what the database says to components. Their words are in ``text``."""
