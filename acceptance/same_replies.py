"""Comparison of two services: several hundred requests, their status, headers but date and ids, and bodies.

`scripts/acceptance same_replies URL URL`: both services are fresh, with an empty store each.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import httpx
from backports import zstd

from acceptance.sample_refusals import errors, headers, open_inference
from acceptance.sample_requests import Request, inputs, plans, reads, registrations, removals, runs, state

VARYING_HEADERS = {"date", "x-request-id", "x-layerscope-instance", "content-length"}
TIMES = re.compile(
    rb'\\?"((?:build_)?seconds|build_ms|run_ms|total_ms|created|pid|request_id|last_inference|[a-z_]*ns)\\?":\s*("[^"]*"|[-0-9.e]+)'
)
"""Times and ids in JSON, which differ from run to run; safetensors has such JSON in a string."""
PORT = re.compile(rb"127\.0\.0\.1:\d+")
MS = re.compile(r"-ms$|^server-timing$")
PADDED = {"application/vnd.safetensors"}
"""Formats that begin with the length of a padded JSON header."""
GROUPS = (state, registrations, runs, inputs, reads, plans, open_inference, errors, headers, removals)


class Reply(NamedTuple):
    """A reply without what differs from run to run."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def comparable(reply: httpx.Response) -> Reply:
    """Remove what differs from run to run: weak ETags are those of entries with times."""
    kept = [
        (name, PORT.sub(b"host", value.encode()).decode())
        for name, value in sorted(reply.headers.multi_items())
        if name not in VARYING_HEADERS and not MS.search(name) and not value.startswith("W/")
    ]
    is_coded = reply.content and reply.headers.get("content-encoding") == "zstd"
    content = zstd.decompress(reply.content) if is_coded else reply.content
    body = PORT.sub(b"host", TIMES.sub(rb'"\1":0', content))
    if reply.headers.get("content-type") in PADDED:
        body = re.sub(rb" +", b"", body[8:])
    return Reply(reply.status_code, kept, body)


def exchange(client: httpx.Client, request: Request) -> Reply:
    """Send a request, and return its comparable reply."""
    return comparable(client.request(request.method, request.path, **request.arguments))


def differences(one: httpx.Client, other: httpx.Client, counts: Counter[int]) -> Iterator[str]:
    """Yield a description of each pair of replies that differ; count the first service's replies by status."""
    for request in itertools.chain.from_iterable(group() for group in GROUPS):
        replies = exchange(one, request), exchange(other, request)
        counts[replies[0].status] += 1
        if replies[0] != replies[1]:
            yield describe(request, *replies)


def describe(request: Request, one: Reply, other: Reply) -> str:
    """Describe the first difference of each part of two replies."""
    lines = [f"{request.method} {request.path} {request.note}"]
    for name, left, right in zip(Reply._fields, one, other, strict=True):
        if left != right:
            lines += [f"  {name}: {excerpt(left, right)!r}", f"  {' ' * len(name)}  {excerpt(right, left)!r}"]
    return "\n".join(lines)


def excerpt(value: Any, other: Any) -> Any:
    """Return what differs in a status, headers or a body."""
    if isinstance(value, list):
        return [header for header in value if header not in other]
    if not isinstance(value, bytes):
        return value
    begin = next((at for at, (a, b) in enumerate(itertools.zip_longest(value, other)) if a != b), 0)
    return value[max(0, begin - 60) : begin + 200]


def main(urls: Sequence[str]) -> int:
    """Compare; return 1 if any reply differs."""
    counts: Counter[int] = Counter()
    with httpx.Client(base_url=urls[0], timeout=120) as one, httpx.Client(base_url=urls[1], timeout=120) as other:
        found = 0
        for difference in differences(one, other, counts):
            found += 1
            print(difference, flush=True)
    print(f"{counts.total()} requests, {found} replies differ; by status {dict(sorted(counts.items()))}")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:3]))
