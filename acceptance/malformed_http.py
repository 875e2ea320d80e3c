"""Malformed, ambiguous and oversized HTTP on raw connections: a table of answers, and the service after each."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from acceptance.live_service import begin_peak, resident_mib, running
from acceptance.raw_http import LOST, Answered, answer

HEAD = b"POST /v1/plan HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
BODY = b'{"model": {"input": [1], "layers": [{"type": "Dense", "units": 1}]}}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SMUGGLED = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
REFUSED = {"400", "411", "413", "414", "421", "431", "501", "505", "408", LOST}
CODINGS = (b"xchunked", b"chunked, identity", b"identity, chunked", b"identity", b"gzip, chunked", b"chunked, chunked",
           b"\x0bchunked", b"chunked\r\nTransfer-Encoding: x", b"chunked\r\nTransfer-Encoding: chunked")  # fmt: skip
SECONDS = 30.0


def chunks(*pieces: bytes) -> bytes:
    """Return pieces as chunks, with the last one."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def shapes() -> Iterator[tuple[str, bytes, set[str]]]:
    """Yield what is sent, by name, with the statuses that the first answer may have."""
    yield "a plain request", HEAD + LENGTH + b"\r\n" + BODY, {"200"}
    yield "chunks", HEAD + CHUNKED + b"\r\n" + chunks(BODY), {"200"}
    yield "chunks of one byte, with extensions", HEAD + CHUNKED + b"\r\n" + one_byte_chunks(), {"200"}
    yield "chunks with trailers", HEAD + CHUNKED + b"\r\n" + chunks(BODY)[:-2] + b"X-Trailer: 1\r\n\r\n", {"200"}
    yield "a million chunks", HEAD + CHUNKED + b"\r\n" + b"1\r\n \r\n" * 1_000_000 + chunks(BODY), {"200"}
    both = b"0\r\n\r\n" + SMUGGLED
    yield "Content-Length and Transfer-Encoding", HEAD + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n" + both, REFUSED
    for lengths in (b"4\r\nContent-Length: 5", b"4, 5", b"+4", b"-4", b"4_0", b"0x4", b"4 4", b"", b"9" * 40):
        what = f"Content-Length: {lengths.decode().replace(chr(13) + chr(10), ' and ')[:40]}"
        yield what, HEAD + b"Content-Length: " + lengths + b"\r\n\r\n" + b"    " + SMUGGLED, REFUSED
    for coding in CODINGS:
        what = f"Transfer-Encoding: {coding.decode().replace(chr(13) + chr(10), ' and ')!r}"
        yield what, HEAD + b"Transfer-Encoding: " + coding + b"\r\n\r\n" + both, REFUSED
    yield "Transfer-Encoding : chunked (a space)", HEAD + b"Transfer-Encoding : chunked\r\n\r\n" + both, REFUSED
    yield "a folded header", HEAD + b"X-A: 1\r\n 2\r\n" + LENGTH + b"\r\n" + BODY, REFUSED
    yield "a header without a name", GET + b": 1\r\n\r\n", REFUSED
    yield "a NUL in a header", GET + b"X-A: a\x00b\r\n\r\n", REFUSED
    yield "a bare CR in a header", GET + b"X-A: a\rX-B: c\r\n\r\n", REFUSED
    yield "a chunk size over 64 bits", HEAD + CHUNKED + b"\r\nfffffffffffffffff\r\n", REFUSED
    yield "a negative chunk size", HEAD + CHUNKED + b"\r\n-1\r\nab\r\n", REFUSED
    yield "a chunk longer than it says", HEAD + CHUNKED + b"\r\n1\r\nab\r\n0\r\n\r\n", REFUSED
    extended = b"1;" + b"a" * 1_000_000 + b"\r\n \r\n" + chunks(BODY)
    yield "a megabyte of chunk extension", HEAD + CHUNKED + b"\r\n" + extended, REFUSED | {"200"}
    yield "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 50, REFUSED
    yield "an upgrade to h2c", GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", {"200"}
    yield "an upgrade to a websocket", GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", {"200", "400", "426"}
    yield "HTTP/1.0", b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n", {"200"}
    yield "HTTP/0.9", b"GET /healthz\r\n\r\n", REFUSED
    yield "HTTP/3.0", b"GET /healthz HTTP/3.0\r\nHost: localhost\r\n\r\n", REFUSED
    yield "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, REFUSED
    yield "a method of 10,000 letters", b"A" * 10_000 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n", REFUSED
    yield "a URL of 20 kB", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", {"414"}
    yield "1,000 headers", GET + b"".join(b"X-%d: 1\r\n" % n for n in range(1000)) + b"\r\n", {"431"}
    yield "a header of 40 kB", GET + b"X-A: " + b"a" * 40_000 + b"\r\n\r\n", {"431"}
    yield "100 MB of headers", GET + (b"X-A: " + b"a" * 1000 + b"\r\n") * 100_000, {"431"}
    yield "1,000 requests at once", (GET + b"\r\n") * 1000, {"200"}
    yield "200 runs at once", (HEAD + LENGTH + b"\r\n" + BODY) * 200, {"200"}
    yield "Expect: 100-continue", HEAD + LENGTH + b"Expect: 100-continue\r\n\r\n" + BODY, {"100", "200"}
    yield "another expectation", HEAD + LENGTH + b"Expect: a-miracle\r\n\r\n" + BODY, {"417", "200"}
    yield "a target of another host", GET.replace(b"/healthz", b"http://evil.example/healthz") + b"\r\n", {"421", "400"}


def one_byte_chunks() -> bytes:
    """Return the body in chunks of a byte, each with an extension."""
    return b"".join(b"1;a=b\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"


async def answers(port: int, sent: bytes) -> list[Answered]:
    """Return every answer to what is sent on one connection, until that is closed, or silent for a second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sending = asyncio.create_task(send(writer, sent))
    found: list[Answered] = []
    try:
        while True:
            async with asyncio.timeout(SECONDS if not found else 1.0):
                reply = await answer(reader)
            if reply.status == LOST:
                return found or [reply]
            found.append(reply)
    except TimeoutError:
        return found
    finally:
        sending.cancel()
        writer.close()


async def send(writer: asyncio.StreamWriter, sent: bytes) -> None:
    """Send it all, unless the peer closes the connection."""
    try:
        for begin in range(0, len(sent), 1 << 16):
            writer.write(sent[begin : begin + (1 << 16)])
            await writer.drain()
    except OSError:
        pass


def main() -> int:
    """Print the table; returns 1 if an answer is another one, or the service does not answer afterwards."""
    wrong = 0
    with TemporaryDirectory() as folder, running(Path(folder), LOG="off") as service:
        begin_peak(service.process.pid)
        for what, sent, allowed in shapes():
            begun = time.perf_counter()
            replies = asyncio.run(answers(service.port, sent))
            seconds = time.perf_counter() - begun
            words = [str(reply.status) for reply in replies]
            right = bool(words) and words[0] in allowed and not (allowed is REFUSED and len(words) > 1)
            wrong += not right
            alive = service.client.get("/healthz").status_code
            first = words[0] if words else "silence"
            text = f"{first} × {words.count(first)}" if len(words) > 1 else first
            marks = ("" if right else "  wrong") + ("" if alive == 200 else "  dead")
            print(f"{what[:60]:62}{text:14}{seconds:7.2f} s{marks}", flush=True)
            wrong += alive != 200
        print(f"front: {resident_mib(service.process.pid, 'VmHWM')} MiB at its peak; {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
