"""The documentation refers only to existing things."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ByteSize

from models.errors import Unavailable, all_errors
from service.errors.handlers import status_of
from service.settings import PREFIX, Settings, table

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
SECURITY = ROOT / "SECURITY.md"
NO_LIMITS = {
    PREFIX + name
    for name in ("PORT", "ENGINES", "SPARE_ENGINES", "BATCH_REQUESTS", "ENGINES_MAX", "RAY_CPUS", "RAY_GPUS",
                 "RAY_IDLE_SECONDS", "STORE_SECONDS")
}  # fmt: skip
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


def test_security_lists_every_limit_with_its_default() -> None:
    """Numbers that are none bound nothing: the port, engines, how they batch, how often a store is looked at."""
    rows = re.findall(
        r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \|$", SECURITY.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    fields = {PREFIX + name.upper(): field.default for name, field in Settings.model_fields.items()}
    numbers = {name for name, value in fields.items() if type(value) in (int, float, ByteSize)} - NO_LIMITS
    expected = [(name, default, text) for name, _, default, text in table(Settings()) if name in numbers]
    assert rows == expected


def test_security_names_tests_that_exist() -> None:
    """Files, or folders of tests."""
    named = re.findall(r"`((?:tests|acceptance)/[^`]*)`", SECURITY.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_operations_explains_what_operators_can_end() -> None:
    """Every code with the status 503 or 504 has a row, but that of their base, and each row has the code's status."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| (\d{3}) \| `(\w+)`", text, flags=re.MULTILINE)
    statuses = {error.code: status_of(error) for error in all_errors() if error is not Unavailable}
    unknown = [code for status, code in named if str(statuses.get(code)) != status]
    missing = {code for code, status in statuses.items() if status in (503, 504)} - {code for _, code in named}
    assert (unknown, missing) == ([], set())


def test_decisions_are_numbered_without_gaps() -> None:
    """docs/decisions/ contains 0001, 0002, … and each page's title has its number."""
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    titles = [page.read_text(encoding="utf-8").splitlines()[0] for page in pages]
    assert all(title.startswith(f"# {number}. ") for number, title in enumerate(titles, 1))
