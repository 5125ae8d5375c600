"""The bot as a process that is killed at every moment, and the books compared afterwards."""
