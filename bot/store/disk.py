"""The disk that the database stands on: which kind it is, and how much is free."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath
from typing import Final

from bot.errors import DatabaseError

MOUNTS: Final = Path("/proc/self/mountinfo")

NETWORK: Final = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "davfs",
        "drvfs",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "orangefs",
        "prl_fs",
        "smb3",
        "smbfs",
        "vboxsf",
        "fuse.ceph",
        "fuse.curlftpfs",
        "fuse.davfs2",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.goofys",
        "fuse.juicefs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.smbnetfs",
        "fuse.sshfs",
        "fuse.vmhgfs-fuse",
    }
)
"""Kinds whose files another machine may have open as well: ``flock`` may not hold there, and the
shared memory of SQLite's WAL doesn't reach that far."""

_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def filesystem_of(mountinfo: str, path: PurePath) -> str | None:
    """Return the kind of file system on which an absolute path without links lies.

    ``mountinfo`` is the text of ``/proc/self/mountinfo`` (proc(5)). None: it doesn't say.
    """
    deepest, kind = -1, None
    for line in mountinfo.splitlines():
        # Any number of optional fields stands before the lone hyphen, so the halves are read apart.
        before, hyphen, after = line.partition(" - ")
        fields, described = before.split(" "), after.split(" ")
        if not hyphen or len(fields) < 6 or not described[0]:
            continue
        point = PurePath(_unescaped(fields[4]))
        depth = len(point.parts)
        # Of two at one place the later one hides the earlier.
        if depth >= deepest and path.is_relative_to(point):
            deepest, kind = depth, described[0]
    return kind


def _unescaped(field: str) -> str:
    """Return a path of mountinfo as it is: space, tab, newline and backslash are octal there."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), field)


def require_local(path: Path) -> None:
    """Make sure that a database doesn't lie on another machine, as far as this system says.

    Raises ``DatabaseError``.
    """
    try:
        mountinfo = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        kind = filesystem_of(mountinfo, path.resolve())
    except (OSError, RuntimeError):
        # Not Linux, or nothing to be read there: then nobody knows, and it is the operator's word.
        return
    if kind in NETWORK:
        raise DatabaseError(
            f"DATABASE_PATH {path} is on a network file system ({kind}), where two machines could "
            "write to it at once. Put the database on a local disk."
        )


def free_bytes(path: Path) -> int | None:
    """Return how much this user may still write on the volume of a file; None if nobody knows.

    Blocking: call it in a thread.
    """
    try:
        volume = os.statvfs(path.parent)
    except OSError:
        return None
    return volume.f_bavail * volume.f_frsize
