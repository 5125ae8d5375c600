"""``python -m tests.readme``: put the demo's output, as it really is, into README.md.

Only what stands between the two markers is written, and the pictures that the page shows.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
from pathlib import Path
from typing import Final

from bot.sandbox.demo import play
from tests.pictures.scenes import Camera, store

README: Final = Path(__file__).resolve().parent.parent / "README.md"
START: Final = "<!-- demo:start -->"
END: Final = "<!-- demo:end -->"

CHAPTERS: Final = (
    "Ana's basket",
    "Ana sends it",
    "The market moves, and the bot buys",
    "The trades are there, and two are accepted",
    "The books agree",
)
"""What the README shows of the demo; all of it would be too long."""

_HEAD: Final = re.compile(r"^━━ [0-9]+\. (?P<title>.+?) ━+$", re.MULTILINE)


def excerpt(output: str) -> str:
    """Return the chapters that the README shows. Raises ``LookupError`` if one is missing."""
    heads = list(_HEAD.finditer(output))
    ends = [head.start() for head in heads[1:]] + [len(output)]
    chapters = {
        head["title"]: output[head.start() : end].strip()
        for head, end in zip(heads, ends, strict=True)
    }
    missing = [title for title in CHAPTERS if title not in chapters]
    if missing:
        raise LookupError(f"the demo has no chapter {missing}; there: {list(chapters)}")
    return "\n\n".join(chapters[title] for title in CHAPTERS)


def shown_in(readme: str) -> str:
    """Return what the README shows between its markers. Raises ``LookupError``."""
    found = re.search(f"{START}\n```text\n(.*)\n```\n{END}", readme, re.DOTALL)
    if found is None:
        raise LookupError(f"README.md has no ```text block between {START} and {END}")
    return found[1]


def updated(readme: str, shown: str) -> str:
    """Return the README with ``shown`` between its markers; they are added if it has none."""
    block = f"{START}\n```text\n{shown}\n```\n{END}"
    before, start, rest = readme.partition(START)
    if not start:
        return f"{readme}{block}\n"
    _, end, after = rest.partition(END)
    if not end:
        raise LookupError(f"README.md has {START} without {END}")
    return f"{before}{block}{after}"


def main() -> int:
    """Play the demo, and put it into the README if all of it went well."""
    out = io.StringIO()
    camera = Camera()
    if code := asyncio.run(play(out, watch=camera.watch)):
        print(out.getvalue(), file=sys.stderr)
        return code
    readme = README.read_text(encoding="utf-8") if README.exists() else ""
    README.write_text(updated(readme, excerpt(out.getvalue())), encoding="utf-8")
    store(camera.taken())
    return 0


if __name__ == "__main__":
    sys.exit(main())
