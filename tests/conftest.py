"""What holds for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Properties are about what holds, never about how fast this machine happens to be.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
