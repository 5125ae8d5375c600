"""Which disk a database stands on, from what Linux really says, and how much is free on it."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import Final

import pytest

from bot.errors import DatabaseError
from bot.store import disk
from bot.store.database import Database
from bot.store.disk import NETWORK, filesystem_of, free_bytes, require_local

SERVER: Final = r"""22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
23 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
28 1 253:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard,errors=remount-ro
29 24 0:24 / /dev/shm rw,nosuid,nodev shared:4 - tmpfs tmpfs rw,inode64
96 28 0:45 / /home rw,relatime shared:52 - nfs4 nas.lan:/export/home rw,vers=4.2,hard,addr=10.0.0.5
101 28 0:46 / /srv rw,relatime shared:55 master:1 - autofs systemd-1 rw,fd=48,pgrp=1,timeout=0
103 101 0:51 / /srv/games rw,relatime - cifs //nas/games rw,vers=3.1.1,username=bot
109 96 8:17 / /home/local\040disk rw,relatime shared:60 - xfs /dev/sdb1 rw,attr2
115 28 0:60 / /mnt/remote rw,nosuid,nodev,relatime shared:70 - fuse.sshfs bot@host:/data rw
118 28 0:61 / /mnt/tab\011and\134slash rw - nfs old:/x rw,vers=3
"""

CONTAINER: Final = """\
601 560 0:52 / / rw,relatime master:281 - overlay overlay rw,lowerdir=/a:/b,workdir=/w
602 601 0:55 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
611 601 253:1 /var/lib/docker/volumes/q_data/_data /data rw,relatime master:1 - ext4 /dev/vda1 rw
612 601 0:63 / /share rw,relatime - nfs 10.0.0.5:/vol rw,vers=3,addr=10.0.0.5
"""

WSL: Final = r"""
72 66 8:32 / / rw,relatime - ext4 /dev/sdc rw,discard,errors=remount-ro,data=ordered
90 72 0:33 / /mnt/c rw,noatime - 9p C:\134 rw,dirsync,aname=drvfs;path=C:\;uid=1000,trans=fd
"""

OVER: Final = """28 1 253:1 / / rw,relatime - ext4 /dev/vda1 rw
40 28 0:46 / /srv rw,relatime - autofs systemd-1 rw,timeout=0
41 40 0:51 / /srv rw,relatime - nfs4 nas:/srv rw,vers=4.1
42 28 0:52 / /mnt rw,relatime - nfs4 nas:/mnt rw,vers=4.1
43 42 8:1 / /mnt rw,relatime - btrfs /dev/sda1 rw,space_cache
"""


@pytest.mark.parametrize(
    ("mountinfo", "path", "kind"),
    [
        (SERVER, "/var/lib/quartermaster/q.db", "ext4"),
        (SERVER, "/q.db", "ext4"),
        (SERVER, "/home/bot/q.db", "nfs4"),
        (SERVER, "/homeless/q.db", "ext4"),
        (SERVER, "/home/local disk/q.db", "xfs"),
        (SERVER, "/home/local disk 2/q.db", "nfs4"),
        (SERVER, "/srv/q.db", "autofs"),
        (SERVER, "/srv/games/deep/er/q.db", "cifs"),
        (SERVER, "/mnt/remote/q.db", "fuse.sshfs"),
        (SERVER, "/mnt/tab\tand\\slash/q.db", "nfs"),
        (SERVER, "/dev/shm/q.db", "tmpfs"),
        (CONTAINER, "/data/quartermaster.db", "ext4"),
        (CONTAINER, "/quartermaster.db", "overlay"),
        (CONTAINER, "/share/q.db", "nfs"),
        (WSL, "/home/me/q.db", "ext4"),
        (WSL, "/mnt/c/Users/me/q.db", "9p"),
        (OVER, "/srv/q.db", "nfs4"),
        (OVER, "/mnt/q.db", "btrfs"),
        ("", "/q.db", None),
        ("nonsense\n\n - \n1 2 3 - ext4 x rw\n", "/q.db", None),
        ("1 2 0:1 / /other rw - ext4 x rw\n", "/q.db", None),
    ],
)
def test_file_system_is_that_of_the_deepest_mount_and_of_two_there_the_later(
    mountinfo: str, path: str, kind: str | None
) -> None:
    assert filesystem_of(mountinfo, PurePath(path)) == kind


def test_kinds_that_are_refused_are_those_of_other_machines() -> None:
    assert {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs"} <= NETWORK
    assert {"ceph", "glusterfs", "lustre"} <= NETWORK
    assert not NETWORK & {"ext4", "xfs", "btrfs", "zfs", "f2fs", "overlay", "tmpfs", "fuseblk"}


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What this system says of its mounts, in our hands."""
    path = tmp_path / "mountinfo"
    monkeypatch.setattr(disk, "MOUNTS", path)
    return path


async def test_database_on_a_network_is_refused_with_one_line_before_anything_is_written(
    mounts: Path, tmp_path: Path
) -> None:
    share = tmp_path / "share"
    mounts.write_text(
        f"28 1 253:1 / / rw - ext4 /dev/vda1 rw\n96 28 0:45 / {share} rw - nfs4 nas:/x rw\n"
    )
    (tmp_path / "link.db").symlink_to(share / "q.db")
    for path in (share / "deeper" / "q.db", tmp_path / "link.db"):
        with pytest.raises(DatabaseError, match=r"network file system \(nfs4\).*local disk") as no:
            await Database.open(path)
        assert "\n" not in str(no.value)
    assert not share.exists()
    await (await Database.open(tmp_path / "q.db")).close()


async def test_database_where_nobody_knows_the_disk_is_opened(mounts: Path, tmp_path: Path) -> None:
    await (await Database.open(tmp_path / "q.db")).close()
    mounts.write_bytes(b"\xff\xfe nothing that can be read")
    await (await Database.open(tmp_path / "q.db")).close()


def test_disk_of_this_test_is_found_and_local(tmp_path: Path) -> None:
    require_local(tmp_path / "q.db")
    assert filesystem_of(disk.MOUNTS.read_text(), PurePath("/proc/self")) == "proc"


def test_free_space_is_that_of_the_volume_and_unknown_where_there_is_none(tmp_path: Path) -> None:
    volume = os.statvfs(tmp_path)
    free = free_bytes(tmp_path / "q.db")
    assert free is not None
    assert abs(free - volume.f_bavail * volume.f_frsize) < 512 * 1024 * 1024
    assert free_bytes(tmp_path / "missing" / "q.db") is None
