"""The npm packages: what their files say, checked without installing them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def read(path: str) -> dict[str, Any]:
    """Return a JSON file of the project."""
    content: dict[str, Any] = json.loads((ROOT / path).read_text(encoding="utf-8"))
    return content


def test_the_lock_names_digests_and_no_registry() -> None:
    """Every package that is fetched has its digest, and comes from whichever registry a machine uses."""
    fetched = {name: entry for name, entry in read("package-lock.json")["packages"].items() if "node_modules" in name}
    assert {name for name, entry in fetched.items() if "://" in entry.get("resolved", "")} == set()
    assert {name for name, entry in fetched.items() if not entry.get("link") and "integrity" not in entry} == set()
    assert "omit-lockfile-registry-resolved=true" in (ROOT / ".npmrc").read_text().splitlines()


def test_the_client_needs_nothing_at_run_time() -> None:
    """Neither packages nor peers; it is an ES module with its types."""
    client = read("clients/typescript/package.json")
    assert {"dependencies", "peerDependencies", "optionalDependencies"} & client.keys() == set()
    assert (client["type"], client["exports"]["."]["types"]) == ("module", "./dist/index.d.ts")


def test_the_client_has_the_version_of_the_service() -> None:
    """They are released together."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert read("clients/typescript/package.json")["version"] == project["version"]
