"""The command line interface."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

import service.serve
from models.layers import ALIASES, CATALOGUE
from service.cli import main
from service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[3]
Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]


def run_in_new_process(*arguments: str, **environment: str) -> Done:
    """Run `layerscope` in a process of its own, with only these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *arguments], cwd=ROOT, input="", capture_output=True, text=True,
        check=False, env=kept | environment, timeout=120,
    )  # fmt: skip


@pytest.fixture
def layerscope(capfd: pytest.CaptureFixture[str]) -> Command:
    """`layerscope(*arguments, stdin="", **environment)`: run it in this process, with only these settings."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> Done:
        capfd.readouterr()
        with pytest.MonkeyPatch.context() as patched:
            for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
                patched.delenv(name)
            for name, value in environment.items():
                patched.setenv(name, value)
            patched.chdir(ROOT)
            patched.setattr(sys, "stdin", TextIOWrapper(BytesIO(stdin.encode())))
            patched.setattr(logging.getLogger(), "handlers", [logging.lastResort])  # not those of pytest
            code = exit_code(arguments)
        return subprocess.CompletedProcess(arguments, code, *capfd.readouterr())

    return run


def exit_code(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; write an error message to standard error, as Python does at exit."""
    try:
        main(arguments)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
            return 1
        return end.code or 0
    return 0


def output(done: Done) -> str:
    """Return the output of a command, which must succeed."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_settings_are_printed_with_descriptions() -> None:
    """One variable and one line of explanation each, with the effective values."""
    lines = output(run_in_new_process("settings", "--port", "9000", LAYERSCOPE_ENGINES="2")).splitlines()
    assert [line.partition("=")[0] for line in lines[::2]] == [PREFIX + name.upper() for name in Settings.model_fields]
    assert "LAYERSCOPE_PORT=9000" in lines
    assert "LAYERSCOPE_ENGINES=2" in lines
    assert "    Port to listen on; 0 takes a free one. Default: 8000" in lines


def test_invalid_settings_fail_every_command_with_one_line(layerscope: Command) -> None:
    """Without a traceback, and with empty standard output."""
    for arguments, environment in [
        (("settings",), {"LAYERSCOPE_PROT": "1"}),
        (("settings", "--max-body", "huge"), {}),
        (("serve", "--engines", "0"), {}),
        (("openapi",), {"LAYERSCOPE_PORT": "http"}),
        (("plan", "examples/digits.json"), {"LAYERSCOPE_DEADLINE": "0"}),
    ]:
        done = layerscope(*arguments, **environment)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("layerscope: ")
        assert done.stderr.count("\n") == 1


def test_unavailable_addresses_fail_the_start_with_one_line(
    layerscope: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before an engine is started and the store is created."""
    for setup in ("bound_arenas", "raise_limit"):  # would change this process
        monkeypatch.setattr(service.serve, setup, lambda: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for run, arguments, reported in [
            (run_in_new_process, ("--port", str(taken.getsockname()[1])), "LAYERSCOPE_PORT: 127.0.0.1 port "),
            (layerscope, ("--host", "999.1.1.1", "--anonymous", "true"), "LAYERSCOPE_HOST: 999.1.1.1: "),
            (layerscope, ("--host", "box.lan"), "LAYERSCOPE_HOST: box.lan is open to other machines, and no keys are"),
            (
                layerscope,
                ("--host", "a" * 100, "--anonymous", "1"),
                "LAYERSCOPE_HOST: a string of 100 characters is no name of a host",
            ),
        ]:
            done = run("serve", *arguments, LAYERSCOPE_DATA_DIR=str(tmp_path / "store"))
            assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
            assert done.stderr.startswith(f"layerscope: {reported}")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("arguments", [(), ("sreve",), ("settings", "--prot", "1")])
def test_unknown_commands_are_explained(layerscope: Command, arguments: tuple[str, ...]) -> None:
    """With the usage."""
    done = layerscope(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: layerscope")


def test_layers_are_printed_with_aliases(layerscope: Command) -> None:
    """The catalog, one line each."""
    lines = output(layerscope("layers")).splitlines()
    assert [line.partition(" ")[0] for line in lines] == list(CATALOGUE)
    assert "MaxPooling2D (MaxPool2D)" in lines
    assert sum(line.count(",") + 1 for line in lines if "(" in line) == len(ALIASES)


def test_openapi_prints_the_committed_document(layerscope: Command) -> None:
    """The same bytes as openapi/openapi.json, independent of the environment."""
    assert output(layerscope("openapi", LAYERSCOPE_MAX_BODY="1MiB")) == (ROOT / "openapi/openapi.json").read_text()


def test_plan_prints_the_costs_of_a_document(layerscope: Command) -> None:
    """Without a server; the batch is an option."""
    found = json.loads(output(layerscope("plan", "examples/digits.json", "--batch", "64")))
    assert [row["address"] for row in found["layers"]] == [
        "conv2d", "batch_normalization", "re_lu", "max_pooling2d", "flatten", "dense",
    ]  # fmt: skip
    assert found["inputs"]["input"]["shape"] == [64, 28, 28, 1]
    assert found["layers"][0]["shape"] == [64, 28, 28, 3]
    assert found["totals"]["parameters"] == 30 + 12 + 5890


@pytest.mark.parametrize(("document", "stdin"), [("missing.json", ""), ("-", "[3"), ("examples/digit.png", "")])
def test_plan_reports_unreadable_documents(layerscope: Command, document: str, stdin: str) -> None:
    """A missing file or invalid JSON is one line."""
    done = layerscope("plan", document, stdin=stdin)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"layerscope: {document}: ")
    assert done.stderr.count("\n") == 1


def test_plan_reports_the_problems_of_a_document(layerscope: Command) -> None:
    """One line each, without starting an engine."""
    document = json.dumps({"layers": [{"type": "Denss"}, {"type": "Lambda"}]})
    done = layerscope("plan", "-", stdin=document)
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["/layers/0/type", "/layers/1/type"]
