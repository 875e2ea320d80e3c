"""The documentation names things that exist."""

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
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links are files or folders of the repository."""
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_that_are_named_exist(page: Path) -> None:
    """No page names a variable that would stop the start."""
    assert set(re.findall(rf"{PREFIX}[A-Z_]+[A-Z]", page.read_text(encoding="utf-8"))) <= SETTINGS


def test_operations_explains_every_setting() -> None:
    """Each setting has its place in the overview."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert [name for name in sorted(SETTINGS) if f"`{name}`" not in text] == []


def test_operations_names_error_codes_that_exist() -> None:
    """The codes in the table of what 503 and 504 mean are those of the code."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| \d{3} \| `(\w+)`", text, flags=re.MULTILINE))
    assert named
    assert named <= {error.code for error in all_errors()}


def test_decisions_are_numbered_without_gaps() -> None:
    """docs/decisions/ holds 0001, 0002, … and each page's title carries its number."""
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    titles = [page.read_text(encoding="utf-8").splitlines()[0] for page in pages]
    assert all(title.startswith(f"# {number}. ") for number, title in enumerate(titles, 1))
