"""What is installed, what is documented, and the example that every operator starts from."""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import pytest

from bot.config import Settings

ROOT: Final = Path(__file__).parents[1]
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXAMPLE: Final = (ROOT / ".env.example").read_text("utf-8").splitlines()

_SETTING: Final = re.compile(r"(?:# )?(?P<name>[A-Z][A-Z_]+)=(?P<value>.*)")
_IMPORTED_AS: Final = {"discord.py": "discord", "python-dotenv": "dotenv"}
_COME_WITH: Final = {"yarl": "aiohttp"}
"""Libraries that come with another one, whose own interface they are."""


def names(requirements: list[str]) -> list[str]:
    return [re.split(r"[<>=!~; \[]", requirement)[0] for requirement in requirements]


def example() -> dict[str, str]:
    """Return the settings of the example, also those that are commented out."""
    found = [match for line in EXAMPLE if (match := _SETTING.fullmatch(line))]
    return {match["name"]: match["value"] for match in found}


class TestExample:
    """``.env.example`` and the settings are the same, both ways."""

    def test_example_names_every_setting_once_and_no_other(self) -> None:
        listed = [match["name"] for line in EXAMPLE if (match := _SETTING.fullmatch(line))]
        assert sorted(listed) == sorted(field.name.upper() for field in fields(Settings))

    @pytest.mark.parametrize("name", [field.name.upper() for field in fields(Settings)])
    def test_example_explains_every_setting_in_one_line_above_it(self, name: str) -> None:
        (place,) = [
            place
            for place, line in enumerate(EXAMPLE)
            if (match := _SETTING.fullmatch(line)) and match["name"] == name
        ]
        above, explanation = EXAMPLE[place - 2 : place]
        assert above == ""
        assert re.fullmatch(r"# [A-Z].+", explanation)
        assert not _SETTING.fullmatch(explanation)

    def test_example_as_it_stands_needs_a_token_only_and_shows_the_defaults(self) -> None:
        assert Settings.from_mapping(example() | {"DISCORD_TOKEN": "t"}) == Settings("t")
        live = [line for line in EXAMPLE if line and not line.startswith("#")]
        assert live == ["DISCORD_TOKEN=", "MARKET=sandbox"]


class TestDependencies:
    """What is imported is required, what is required is explained."""

    def test_every_library_that_is_imported_is_required(self) -> None:
        required = names(PROJECT["project"]["dependencies"])
        known = {_IMPORTED_AS.get(name, name) for name in required}
        imported = set()
        for folder in ("bot", "cogs"):
            for path in (ROOT / folder).rglob("*.py"):
                # Held to Discord's own document only where that document is.
                if path.name != "openapi.py":
                    imported |= _imports(path)
        imported -= set(sys.stdlib_module_names) | {"bot", "cogs"}
        assert {_COME_WITH.get(name, name) for name in imported} == known

    def test_every_library_of_the_tests_is_required_for_development(self) -> None:
        required = names(
            PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["dev"]
        )
        known = {_IMPORTED_AS.get(name, name).replace("-", "_") for name in required}
        imported = {name for path in (ROOT / "tests").rglob("*.py") for name in _imports(path)}
        imported -= set(sys.stdlib_module_names) | {"bot", "cogs", "tests"}
        assert {_COME_WITH.get(name, name) for name in imported} <= known

    def test_every_requirement_has_a_lowest_and_a_highest_version(self) -> None:
        for group in (
            PROJECT["project"]["dependencies"],
            PROJECT["project"]["optional-dependencies"]["dev"],
        ):
            for requirement in group:
                assert re.search(r">=[0-9.]+,<[0-9.]+$", requirement), requirement

    def test_readme_names_every_dependency(self) -> None:
        readme = (ROOT / "README.md").read_text("utf-8")
        required = names(PROJECT["project"]["dependencies"])
        assert [name for name in required if name not in readme] == []


class TestPackage:
    """Everything that the code reads is installed with it."""

    def test_every_folder_of_code_is_a_package_that_is_found(self) -> None:
        folders = {path.parent for top in ("bot", "cogs") for path in (ROOT / top).rglob("*.py")}
        assert [path for path in folders if not (path / "__init__.py").exists()] == []
        patterns = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
        packages = [".".join(path.relative_to(ROOT).parts) for path in folders]
        assert all(any(fnmatch(name, pattern) for pattern in patterns) for name in packages)

    def test_every_file_beside_the_code_is_package_data(self) -> None:
        declared = {
            path
            for package, patterns in PROJECT["tool"]["setuptools"]["package-data"].items()
            for pattern in patterns
            for path in ROOT.joinpath(*package.split(".")).glob(pattern)
        }
        beside = {
            path
            for top in ("bot", "cogs")
            for path in (ROOT / top).rglob("*")
            if path.is_file() and path.suffix not in (".py", ".pyc")
        }
        assert declared == beside
        assert any(path.suffix == ".sql" for path in declared)

    def test_every_file_that_the_project_names_is_there(self) -> None:
        project = PROJECT["project"]
        for name in (project["readme"], *project["license-files"]):
            assert (ROOT / name).stat().st_size > 0


def _imports(path: Path) -> set[str]:
    """Return what a file imports; read from its lines, which is faster than parsing it."""
    lines = re.findall(
        r"^\s*(?:from (\w+)[\w.]* import |import (\w+))", path.read_text("utf-8"), re.MULTILINE
    )
    return {name for line in lines for name in line if name}
