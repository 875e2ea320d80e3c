"""Command-line interface: `layerscope serve | open | extract | settings | layers | plan | key | openapi`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr

from service.settings import Settings, load, table

# ruff: noqa: PLC0415 (a command imports what it needs alone: most of the rest takes longer than the command itself)


class Command(NamedTuple):
    """One command: what it does, how it is run, and how its options are added to a parser."""

    help: str
    run: Callable[..., None]
    add_options: Callable[[argparse.ArgumentParser], None] = lambda _: None


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and run the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="layerscope", description="Open a Keras network up over HTTP.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        own = commands.add_parser(name, help=command.help)
        if name in arguments:
            command.add_options(own)
    options = vars(parser.parse_args(arguments))
    COMMANDS[options.pop("command")].run(**options)


def _add_setting_options(parser: argparse.ArgumentParser) -> None:
    """Add an `--option` for every setting that is no secret, since anybody can list the command lines of a machine;
    values are validated together with the environment's.
    """
    for name, field in Settings.model_fields.items():
        if field.annotation is SecretStr:
            continue
        parser.add_argument(f"--{name.replace('_', '-')}", dest=name, help=field.description, metavar="VALUE")


def _serve(**options: Any) -> None:
    from service.serve import serve

    serve(load(**options))


def _add_open_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help=".h5, .keras, .json, a SavedModel folder or its .zip; or .json and weights; then labels.txt, a picture",
    )
    parser.add_argument("--port", help="the port of the service")


def _open(files: list[Path], port: str | None) -> None:
    """Open files, and the page on the last; a service that was started for them runs until it is interrupted."""
    from service.opening import OpeningFailed, open_files, running_service, show

    try:
        with running_service(load(**({} if port is None else {"port": port}))) as service:
            for opened in open_files(service, files):
                sys.stdout.write(opened.text + "\n")
                sys.stdout.flush()
            show(opened.page)
            service.wait()
    except OpeningFailed as error:
        raise SystemExit(f"layerscope: {error}") from None


def _add_extract_options(parser: argparse.ArgumentParser) -> None:
    from service.extracting.asked import add_options

    add_options(parser)


def _extract(**arguments: Any) -> None:
    from service.extracting.asked import asked_of
    from service.extracting.extraction import extract
    from service.extracting.failure import ExtractionFailed

    try:
        done = extract(asked_of(arguments), load())
    except ExtractionFailed as error:
        sys.stderr.write(f"layerscope: {error}\n")
        raise SystemExit(error.code) from None
    except KeyboardInterrupt:
        sys.stderr.write("layerscope: interrupted; what is done is kept: the same command goes on with it\n")
        raise SystemExit(130) from None
    sys.stdout.write(f"{done.inputs - done.failed} of {done.inputs} inputs are in {arguments['out']}\n")
    if done.failed == done.inputs:
        raise SystemExit(1)


def _settings(**options: Any) -> None:
    for name, value, default, meaning in table(load(**options)):
        sys.stdout.write(f"{name}={value}\n    {meaning} Default: {default}\n")


def _layers() -> None:
    from models.layers import ALIASES, CATALOGUE

    for name in CATALOGUE:
        aliases = [alias for alias, target in ALIASES.items() if target == name]
        sys.stdout.write(name + (f" ({', '.join(aliases)})" if aliases else "") + "\n")


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("document", help="a JSON file, or - for standard input")
    parser.add_argument("--batch", type=int, default=1)


def _plan(document: str, batch: int) -> None:
    from models.errors import LayerscopeError
    from service.handlers.offline_planning import plan_offline

    try:
        plan = asyncio.run(plan_offline(_read(document), batch, load()))
    except LayerscopeError as error:
        lines = [f"{p.pointer}: {p.message}; expected {p.expected}; received {p.received}" for p in error.problems]
        raise SystemExit("\n".join(lines) or error.detail) from None
    sys.stdout.write(json.dumps(plan, indent=2) + "\n")


def _read(document: str) -> Any:
    from models.documents.raw_json import read_json

    try:
        return read_json(sys.stdin.buffer.read() if document == "-" else Path(document).read_bytes())
    except (OSError, ValueError) as error:
        raise SystemExit(f"layerscope: {document}: {error}") from None


def _add_key_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="the client's name")


def _key(name: str) -> None:
    """Print a new key, which is kept nowhere, and its line."""
    from service.access.keys import InvalidKeys, new_key

    try:
        secret, line = new_key(name)
    except InvalidKeys as error:
        raise SystemExit(f"layerscope: {error}") from None
    sys.stdout.write(f"{secret}\n{line}\n")


def _openapi() -> None:
    from service.app import create_app

    sys.stdout.write(json.dumps(create_app(load()).openapi(), indent=1, sort_keys=True) + "\n")


COMMANDS = {
    "serve": Command("serve HTTP", _serve, _add_setting_options),
    "open": Command("register files of networks and show the page on them", _open, _add_open_options),
    "extract": Command("write the activations of a data set to files", _extract, _add_extract_options),
    "settings": Command("print every setting, its value, default and meaning", _settings, _add_setting_options),
    "layers": Command("print the catalogue", _layers),
    "plan": Command("print the plan of a document", _plan, _add_plan_options),
    "key": Command("print a new key, and its line for the file of keys", _key, _add_key_options),
    "openapi": Command("print the OpenAPI document", _openapi),
}

if __name__ == "__main__":
    main()
