"""Load by wrk: as many requests as a server answers over so many connections, in so many seconds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent / "wrk.lua"
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Seen:
    """What wrk saw; `errors` are replies of 400 and above, broken connections and time-outs.

    The rate is that of the other replies; the percentiles are of all.
    """

    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int


@dataclass(frozen=True)
class Load:
    """A POST of a file, over so many kept connections."""

    url: str
    headers: Mapping[str, str]
    body: Path
    connections: int

    def run(self, seconds: float) -> Seen:
        """Wrk counts whole seconds, at least one."""
        named = [part for name, value in self.headers.items() for part in ("-H", f"{name}: {value}")]
        rhythm = ["-t1", f"-c{self.connections}", f"-d{max(round(seconds), 1)}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
        command = ["wrk", "--latency", *rhythm, "-s", str(SCRIPT), *named, self.url, "--", str(self.body)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return read(done.stdout)


def read(output: str) -> Seen:
    """The last line that `wrk.lua` wrote."""
    line: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    good = (line["requests"] - line["refused"]) / line["seconds"]
    return Seen(line["requests"], good, line["p50_ms"], line["p99_ms"], line["refused"] + line["broken"])
