"""Sealed Trade URLs and the keys that open them."""

from __future__ import annotations

import asyncio
import stat
from base64 import urlsafe_b64encode
from pathlib import Path
from random import Random

import pytest
from cryptography.fernet import Fernet

from bot.domain.trade_url import TradeUrl
from bot.errors import DatabaseError
from bot.store import trade_urls, vault
from bot.store.database import Database
from bot.store.vault import Vault, is_key, key_from_file
from tests.store.samples import ANA, MAX, NOW, URL

OLD, NEW = (urlsafe_b64encode(bytes([number] * 32)).decode() for number in (1, 2))
OTHER = TradeUrl(42, "ZyXw_-98")


class TestVault:
    """Sealing and opening."""

    def test_seal_hides_the_secret_and_opens_again(self) -> None:
        sealed = Vault([OLD]).seal(URL.token)
        assert URL.token.encode() not in sealed
        assert Vault([OLD]).open(sealed) == URL.token

    def test_seal_after_rotation_uses_the_first_key_and_opens_what_the_second_sealed(self) -> None:
        before = Vault([OLD]).seal(URL.token)
        rotated = Vault([NEW, OLD])
        assert rotated.open(before) == URL.token
        assert Vault([NEW]).open(rotated.seal(URL.token)) == URL.token

    def test_open_with_the_wrong_key_or_after_tampering_is_a_clear_error(self) -> None:
        sealed = Vault([OLD]).seal(URL.token)
        for keys, text in (([NEW], sealed), ([OLD], sealed[:-2]), ([OLD], b"")):
            with pytest.raises(DatabaseError, match="can't be opened") as refused:
                Vault(keys).open(text)
            assert URL.token not in str(refused.value)

    @pytest.mark.parametrize(
        "text", ["", "short", OLD[:-1], OLD[:-4], "ключ" * 11, OLD + NEW, f"{OLD}\n", f"+{OLD[1:]}"]
    )
    def test_key_that_is_none_is_told_apart(self, text: str) -> None:
        assert not is_key(text)

    def test_key_that_the_library_makes_is_one(self) -> None:
        assert is_key(Fernet.generate_key().decode())

    async def test_check_binds_a_database_to_its_keys(self, database: Database) -> None:
        async with database.writing() as tx:
            await vault.check(tx, Vault([OLD]))
            await vault.check(tx, Vault([OLD]))
            await vault.check(tx, Vault([NEW, OLD]))
            with pytest.raises(DatabaseError, match=r"DATA_KEYS.*Put back the key"):
                await vault.check(tx, Vault([NEW]))


class TestKeyFile:
    """The key beside the database."""

    def test_key_file_when_missing_is_made_once_and_for_us_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "x.db.key"
        key = key_from_file(path)
        assert is_key(key)
        assert key_from_file(path) == key
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(tmp_path.iterdir()) == [path]

    def test_key_file_that_was_left_half_written_is_made_anew(self, tmp_path: Path) -> None:
        """A crash in the first second must not stop every start after it."""
        (tmp_path / "x.db.key.new").write_text("half", encoding="ascii")
        assert is_key(key_from_file(tmp_path / "x.db.key"))

    @pytest.mark.parametrize("content", [b"", b"not a key", b"\xff\xfe"])
    def test_key_file_without_a_key_is_one_clear_line_and_is_left_alone(
        self, tmp_path: Path, content: bytes
    ) -> None:
        path = tmp_path / "x.db.key"
        path.write_bytes(content)
        with pytest.raises(DatabaseError, match="key file"):
            key_from_file(path)
        assert path.read_bytes() == content

    def test_key_file_that_cant_be_written_is_one_clear_line(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DatabaseError, match=r"key file .* can't be used"):
            key_from_file(tmp_path / "file" / "x.db.key")

    def test_key_file_may_end_in_a_line_break(self, tmp_path: Path) -> None:
        path = tmp_path / "x.db.key"
        path.write_text(f"{OLD}\n", encoding="ascii")
        assert key_from_file(path) == OLD


class TestTradeUrls:
    """One confirmed URL for a person, and perhaps one that waits for a yes."""

    async def test_proposed_url_counts_only_after_its_owners_yes(self, database: Database) -> None:
        safe = Vault([OLD])
        async with database.writing() as tx:
            await trade_urls.propose(tx, safe, ANA, URL, candidate_id="one", at=NOW)
            assert await trade_urls.find(tx, safe, ANA) is None
            assert await trade_urls.find_candidate(tx, safe, ANA, "one") == URL
            assert await trade_urls.find_candidate(tx, safe, MAX, "one") is None
            assert not await trade_urls.confirm(tx, MAX, "one", at=NOW)
            assert await trade_urls.confirm(tx, ANA, "one", at=NOW)
            assert await trade_urls.find(tx, safe, ANA) == URL
            assert await trade_urls.find_candidate(tx, safe, ANA, "one") is None

    async def test_proposed_url_keeps_the_known_one_until_it_is_confirmed(
        self, database: Database
    ) -> None:
        safe = Vault([OLD])
        async with database.writing() as tx:
            await trade_urls.propose(tx, safe, ANA, URL, candidate_id="one", at=NOW)
            await trade_urls.confirm(tx, ANA, "one", at=NOW)
            await trade_urls.propose(tx, safe, ANA, OTHER, candidate_id="two", at=NOW)
            assert await trade_urls.find(tx, safe, ANA) == URL
            await trade_urls.confirm(tx, ANA, "two", at=NOW)
            assert await trade_urls.find(tx, safe, ANA) == OTHER
            assert len(await tx.all("SELECT * FROM trade_urls")) == 1

    async def test_only_the_url_that_was_proposed_last_can_be_confirmed(
        self, database: Database
    ) -> None:
        safe = Vault([OLD])
        async with database.writing() as tx:
            await trade_urls.propose(tx, safe, ANA, URL, candidate_id="one", at=NOW)
            await trade_urls.propose(tx, safe, ANA, OTHER, candidate_id="two", at=NOW)
            assert not await trade_urls.confirm(tx, ANA, "one", at=NOW)
            assert await trade_urls.confirm(tx, ANA, "two", at=NOW)
            assert await trade_urls.find(tx, safe, ANA) == OTHER

    async def test_confirm_by_five_at_once_happens_once(self, database: Database) -> None:
        async with database.writing() as tx:
            await trade_urls.propose(tx, Vault([OLD]), ANA, URL, candidate_id="one", at=NOW)

        async def confirm() -> bool:
            async with database.writing() as tx:
                return await trade_urls.confirm(tx, ANA, "one", at=NOW)

        assert (await asyncio.gather(*(confirm() for _ in range(5)))).count(True) == 1

    async def test_forget_leaves_nothing_of_a_person_and_everything_of_others(
        self, database: Database
    ) -> None:
        safe = Vault([OLD])
        async with database.writing() as tx:
            for user_id in (ANA, MAX):
                await trade_urls.propose(tx, safe, user_id, URL, candidate_id=f"{user_id}", at=NOW)
                await trade_urls.confirm(tx, user_id, f"{user_id}", at=NOW)
            await trade_urls.propose(tx, safe, ANA, OTHER, candidate_id="two", at=NOW)
            assert await trade_urls.forget(tx, ANA)
            assert not await trade_urls.forget(tx, ANA)
            assert await trade_urls.find_candidate(tx, safe, ANA, "two") is None
            assert await trade_urls.find(tx, safe, MAX) == URL

    async def test_account_that_was_ever_confirmed_stays_theirs_and_no_other_becomes_so(
        self, database: Database
    ) -> None:
        """Only the number is kept; what was proposed and never confirmed is nobody's."""
        safe = Vault([OLD])
        async with database.writing() as tx:
            await trade_urls.propose(tx, safe, ANA, URL, candidate_id="one", at=NOW)
            assert not await trade_urls.ever_theirs(tx, ANA, URL.partner)
            for candidate_id in ("one", "again"):
                await trade_urls.propose(tx, safe, ANA, URL, candidate_id=candidate_id, at=NOW)
                await trade_urls.confirm(tx, ANA, candidate_id, at=NOW)
            await trade_urls.propose(tx, safe, ANA, OTHER, candidate_id="two", at=NOW)
            await trade_urls.forget(tx, ANA)
            assert await trade_urls.ever_theirs(tx, ANA, URL.partner)
            assert not await trade_urls.ever_theirs(tx, ANA, OTHER.partner)
            assert not await trade_urls.ever_theirs(tx, MAX, URL.partner)
            (row,) = await tx.all("SELECT * FROM steam_accounts")
            assert tuple(row) == (ANA, URL.partner, NOW)

    async def test_no_token_stands_in_the_files_in_plain_letters(
        self, database: Database, tmp_path: Path
    ) -> None:
        rng = Random(1)
        token = "".join(rng.choices("abcdefghijklmnop", k=8))
        async with database.writing() as tx:
            await trade_urls.propose(
                tx, Vault([OLD]), ANA, TradeUrl(42, token), candidate_id="one", at=NOW
            )
        files = [path for path in tmp_path.iterdir() if path.is_file()]
        assert files
        assert not any(token.encode() in path.read_bytes() for path in files)
