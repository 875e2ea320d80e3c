"""Whether two services reply the same to several hundred requests: status, headers but date and ids, and bodies.

`scripts/acceptance same_replies URL URL`: both services are fresh, with an empty store each.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator
from typing import Any

import httpx

from acceptance.requests_of_every_kind import Sent, requests

VARYING_HEADERS = {"date", "x-request-id", "content-length"}
TIMES = re.compile(
    rb'"(build_ms|run_ms|total_ms|created|pid|request_id|last_inference|[a-z_]*ns)":\s*("[^"]*"|[-0-9.e]+)'
)
"""Times and ids in JSON, which differ from run to run."""
PORT = re.compile(rb"127\.0\.0\.1:\d+")
MS = re.compile(r"-ms$|^server-timing$")


def comparable(reply: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of a reply, without what differs from run to run."""
    headers = [
        (name, PORT.sub(b"host", value.encode()).decode())
        for name, value in sorted(reply.headers.multi_items())
        if name not in VARYING_HEADERS and not MS.search(name)
    ]
    return reply.status_code, headers, PORT.sub(b"host", TIMES.sub(rb'"\1":0', reply.content))


def send(client: httpx.Client, sent: Sent) -> httpx.Response:
    """The reply to one request."""
    return client.request(sent.method, sent.path, **sent.arguments)


def differences(one: httpx.Client, other: httpx.Client) -> Iterator[tuple[Sent, Any, Any]]:
    """Requests with different replies, and both replies."""
    for sent in requests():
        replies = comparable(send(one, sent)), comparable(send(other, sent))
        COUNTS[replies[0][0]] = COUNTS.get(replies[0][0], 0) + 1
        if replies[0] != replies[1]:
            yield sent, *replies


COUNTS: dict[int, int] = {}
"""Replies of the first service by status."""


def shown(sent: Sent, one: Any, other: Any) -> str:
    """What differs, in a few lines."""
    parts = [f"{sent.method} {sent.path} {sent.note}"]
    for name, left, right in zip(("status", "headers", "body"), one, other, strict=True):
        if left != right:
            at = (
                next((i for i, (a, b) in enumerate(itertools.zip_longest(left, right)) if a != b), 0)
                if name == "body"
                else 0
            )
            cut = slice(max(0, at - 60), at + 200)
            parts += [
                f"  {name}: {left[cut] if name == 'body' else left}",
                f"  {' ' * len(name)}  {right[cut] if name == 'body' else right}",
            ]
    return "\n".join(parts)


def main(urls: list[str]) -> int:
    """Compare; returns 1 if any reply differs."""
    with httpx.Client(base_url=urls[0], timeout=120) as one, httpx.Client(base_url=urls[1], timeout=120) as other:
        found = 0
        for sent, left, right in differences(one, other):
            found += 1
            print(shown(sent, left, right), flush=True)
    print(f"{sum(COUNTS.values())} requests, {found} replies differ; by status {dict(sorted(COUNTS.items()))}")
    return found > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:3]))
