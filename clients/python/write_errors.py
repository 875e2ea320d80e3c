"""Prints layerscope_client/errors.py, a class for each `code` of openapi/openapi.json. `scripts/openapi` runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OPENAPI = Path(__file__).parents[2] / "openapi" / "openapi.json"
HEAD = '''"""All errors of this package: a class for each `code` of the service, and those of failures.py.

Written by clients/python/write_errors.py from openapi/openapi.json.
"""

from __future__ import annotations

from collections.abc import Mapping

from layerscope_client.failures import BrokenReply as BrokenReply
from layerscope_client.failures import ConnectionLost as ConnectionLost
from layerscope_client.failures import LayerscopeError as LayerscopeError
from layerscope_client.failures import NotStarted as NotStarted
from layerscope_client.failures import OnlyCode as OnlyCode
from layerscope_client.failures import OverBudget as OverBudget
from layerscope_client.failures import Problem as Problem
from layerscope_client.failures import Refused as Refused
from layerscope_client.failures import TimedOut as TimedOut
'''


def class_name(code: str | None) -> str:
    """Return the name of the class of a code: not_found is NotFound."""
    return "".join(word.capitalize() for word in code.split("_")) if code else "Refused"


def class_of(code: str, facts: Mapping[str, Any]) -> str:
    """Return the text of the class of a code."""
    head = f"class {class_name(code)}({class_name(facts['of'])}):"
    return f'\n\n{head}\n    """{facts["title"]} ({facts["status"]})."""\n\n    code = "{code}"\n'


def module(codes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the text of the module; a class stands after the one that it is a case of."""
    first = sorted(codes, key=lambda code: codes[code]["of"] is not None)
    rows = "".join(f'    "{code}": {class_name(code)},\n' for code in sorted(codes))
    table = "\n\nBY_CODE: Mapping[str, type[Refused]] = {\n" + rows + '}\n"""The class of each code."""\n'
    return HEAD + "".join(class_of(code, codes[code]) for code in first) + table


if __name__ == "__main__":
    schemas = json.loads(OPENAPI.read_text(encoding="utf-8"))["components"]["schemas"]
    print(module(schemas["ProblemDocument"]["properties"]["code"]["x-codes"]), end="")
