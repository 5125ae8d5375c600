"""One index of real-looking names for all tests of the search: building it takes a second."""

from __future__ import annotations

import pytest

from bot.search.index import NameIndex
from tests.search.names import market_names


@pytest.fixture(scope="session")
def index() -> NameIndex:
    return NameIndex.build(market_names())
