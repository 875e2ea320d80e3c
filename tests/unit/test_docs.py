"""The documentation refers only to existing things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.errors import all_errors
from service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    """To files or folders of the repository."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_settings_exist(page: Path) -> None:
    """No page names a variable that would make the start fail."""
    assert set(re.findall(rf"{PREFIX}[A-Z_]+[A-Z]", page.read_text(encoding="utf-8"))) <= SETTINGS


def test_operations_explains_every_setting() -> None:
    """Each setting is in the overview."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert [name for name in sorted(SETTINGS) if f"`{name}`" not in text] == []


def test_operations_names_existing_error_codes() -> None:
    """The codes in the table of 503 and 504 are defined."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| \d{3} \| `(\w+)`", text, flags=re.MULTILINE))
    assert named
    assert named <= {error.code for error in all_errors()}


def test_decisions_are_numbered_without_gaps() -> None:
    """docs/decisions/ contains 0001, 0002, … and each page's title has its number."""
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    titles = [page.read_text(encoding="utf-8").splitlines()[0] for page in pages]
    assert all(title.startswith(f"# {number}. ") for number, title in enumerate(titles, 1))
