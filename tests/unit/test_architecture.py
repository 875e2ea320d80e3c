"""The rules of the architecture, checked by tools."""

from __future__ import annotations

import ast
import pkgutil
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest

import models
import models.engine

ROOT = Path(__file__).parents[2]
MAX_LINES = 250
SOURCES = sorted(path for package in ("service", "models") for path in (ROOT / package).rglob("*.py"))


def tree(path: Path) -> ast.Module:
    """Parse a source file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def contracts() -> dict[str, dict[str, Any]]:
    """Return the import-linter contracts, by name."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["name"]: contract for contract in config["tool"]["importlinter"]["contracts"]}


def test_imports_point_one_way() -> None:
    """Every contract of pyproject.toml is kept, also by imports inside functions."""
    tool = shutil.which("lint-imports", path=sysconfig.get_path("scripts"))
    assert tool
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(contracts())} kept, 0 broken" in done.stdout


def test_every_package_but_the_engine_is_under_contract() -> None:
    """New packages of models may not import TensorFlow either."""
    outside = {f"models.{module.name}" for module in pkgutil.iter_modules(models.__path__)} - {"models.engine"}
    assert set(contracts()["Only the engine imports TensorFlow or Keras"]["source_modules"]) == outside


@pytest.mark.parametrize(
    "modules", ["service.app, service.cli, service.server", "models.store.store, models.networks.selectors"]
)
def test_the_front_runs_without_tensorflow(modules: str) -> None:
    """Its modules load neither TensorFlow nor Keras: it starts fast and is isolated from their crashes. What extras
    add is loaded where it is used.
    """
    assert loaded(modules) & {"tensorflow", "keras", "h5py", "ray", "pyarrow", "pandas", "botocore", "s3fs"} == set()


def test_the_front_launches_engines_before_it_is_imported() -> None:
    """What `layerscope serve` loads until then has none of what takes the front's own start a second."""
    heavy = {"fastapi", "starlette", "uvicorn", "numpy", "models.layers", "models.ipc.messages", "service.server"}
    assert loaded("service.cli, service.serve") & heavy == set()


def loaded(modules: str) -> set[str]:
    """Return the names of what a new process has loaded after these imports."""
    code = f"import sys, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_only_the_settings_read_the_environment() -> None:
    """All configuration is visible in `layerscope settings`; CUDA, Ray and others have a place of their own."""
    reading = {
        path
        for path in SOURCES
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "putenv"))
        or (isinstance(node, ast.ImportFrom) and {alias.name for alias in node.names} & {"environ", "getenv"})
    }
    assert reading == {ROOT / "service/settings.py", ROOT / "service/environment.py"}


def test_modules_have_no_global_state() -> None:
    """State belongs to the lifespan and is passed as arguments: no `global` statements."""
    assert [path for path in SOURCES if any(isinstance(node, ast.Global) for node in ast.walk(tree(path)))] == []


def test_files_are_short() -> None:
    """One noun per file."""
    assert [path for path in SOURCES if path.read_text(encoding="utf-8").count("\n") > MAX_LINES] == []


def test_modules_have_docstrings() -> None:
    """Every source file begins with one."""
    assert [path for path in SOURCES if not ast.get_docstring(tree(path))] == []


def test_tests_have_docstrings() -> None:
    """Every test describes its property in a sentence."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not (ast.get_docstring(node) or "").endswith(".")
    ]
    assert silent == []


def test_tests_are_not_packages() -> None:
    """A package tests/models would shadow models."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_importing_the_engine_package_loads_nothing() -> None:
    """`python -m models.engine` starts an engine, so the package itself must not import anything."""
    code = "import sys, models.engine; print(sorted(name for name in sys.modules if name.startswith('models')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "['models', 'models.engine']\n"
    assert {module.name for module in pkgutil.iter_modules(models.engine.__path__)} >= {"__main__", "process"}
