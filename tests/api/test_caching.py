"""ETags: the same question has the same one, any other question another, and an engine is not asked twice."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Server

DIGIT = (Path(__file__).parents[2] / "examples" / "digit.png").read_bytes()
MODEL: dict[str, Any] = {"input": [3], "layers": [{"type": "Dense", "units": 2, "name": "a"}, {"type": "ReLU"}]}
RUN = "/v1/models/cached/activations"
VARY = "Accept, Accept-Encoding, Origin"
BODY: dict[str, Any] = {"inputs": [[1, 2, 3]]}
READS = [
    "/v1/models/cached", "/v1/models/cached?as=document", "/v1/models/cached?as=keras", "/v1/models/cached?as=summary",
    "/v1/models/cached/weights", "/v1/models/cached/weights?format=npz", "/v1/models/cached/weights?format=jsonl",
    "/v1/models/cached/weights?format=safetensors", "/v1/models/cached/weights?data=base64",
    "/v1/models/cached/layers/a/weights", "/v1/models/cached/layers/a/weights?format=png",
    "/v1/models/cached/layers/a/weights?format=png&upscale=2",
]  # fmt: skip


@pytest.fixture(scope="module")
def cached(server: Server) -> Server:
    """A server with a model."""
    server.client.put("/v1/models/cached", json=MODEL).raise_for_status()
    return server


def tag_of(reply: httpx.Response) -> str:
    """The ETag of a 200, beside what caches are told."""
    assert reply.status_code == 200, reply.text[:500]
    assert (reply.headers["cache-control"], reply.headers["vary"]) == ("private, no-cache", VARY)
    return reply.headers["etag"]


def is_unchanged(reply: httpx.Response, tag: str) -> bool:
    """Whether it is a 304, with everything that belongs to one and nothing else."""
    if reply.status_code == 304:
        assert (reply.content, reply.headers["etag"]) == (b"", tag)
        assert (reply.headers["cache-control"], reply.headers["vary"]) == (
            "private, no-cache", VARY)  # fmt: skip
        assert "content-type" not in reply.headers
    return reply.status_code == 304


@pytest.fixture
def stopped_engine(cached: Server) -> Iterator[None]:
    """While it is stopped, only what needs no engine is answered."""
    pid = cached.engine_pid()
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("format", ["json", "jsonl", "npz", "safetensors", "npy", "png"])
def test_the_same_run_is_not_run_again(cached: Server, format: str, request: pytest.FixtureRequest) -> None:
    """Without the engine: weak where a timing is told, strong where the bytes are the same."""
    body = BODY | {"format": format, "layers": ["a"]}
    plainly = {"Accept-Encoding": "identity"}
    tag = tag_of(cached.post(RUN, json=body, headers=plainly))
    assert tag.startswith('W/"') == (format in ("json", "jsonl", "safetensors"))
    if not tag.startswith("W/"):
        assert cached.post(RUN, json=body).content == cached.post(RUN, json=body).content
    request.getfixturevalue("stopped_engine")
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
        assert is_unchanged(cached.post(RUN, json=body, headers={**plainly, "If-None-Match": known}), tag)


def test_another_run_has_another_tag(cached: Server) -> None:
    """Whatever of the input or the options differs; also what says how the input came about."""
    bodies: list[dict[str, Any]] = [
        {}, {"inputs": [[1, 2, 3.0000002]]}, {"inputs": [[1, 2, 3], [1, 2, 3]]}, {"layers": ["a"]}, {"format": "npz"},
        {"data": "base64"}, {"data": "none"}, {"stats": False}, {"weights": True}, {"reduce": "mean@c"},
        {"reduce": {"a": "mean@c"}}, {"top": 1}, {"format": "png"}, {"format": "png", "cmap": "magma"},
        {"format": "png", "upscale": 3}, {"format": "png", "normalize": "map"}, {"format": "jsonl"},
    ]  # fmt: skip
    tags = [tag_of(cached.post(RUN, json=BODY | body)) for body in bodies]
    assert len(set(tags)) == len(tags)
    reply = cached.post(RUN, json=BODY, headers={"If-None-Match": ", ".join(tags[1:]) + ', "x"'})
    assert (reply.status_code, tag_of(reply)) == (200, tags[0])


def test_the_way_of_writing_does_not_matter(cached: Server) -> None:
    """The input counts as it is once decoded, the options as they are read."""
    data = base64.b64encode(np.float32([1, 2, 3]).tobytes()).decode()
    ways = [BODY, {"inputs": [1.0, 2, 3]}, {"inputs": {"shape": [3], "dtype": "float32", "base64": data}},
            BODY | {"data": "nested"}]  # fmt: skip
    tags = {tag_of(cached.post(RUN, json=body)) for body in ways}
    tags.add(tag_of(cached.post(RUN + "?format=json", json=BODY)))
    assert len(tags) == 1


def test_other_weights_are_another_model(cached: Server) -> None:
    """The name moves on, and what a client has is old."""
    cached.client.put("/v1/models/moving", json=MODEL | {"seed": 1}).raise_for_status()
    path = "/v1/models/moving/activations"
    tag = tag_of(cached.post(path, json=BODY))
    cached.client.put("/v1/models/moving", json=MODEL | {"seed": 2}).raise_for_status()
    assert not is_unchanged(cached.post(path, json=BODY, headers={"If-None-Match": tag}), tag)


def test_what_may_differ_has_no_tag(cached: Server) -> None:
    """Training mode may be random; a model that comes with the request is not there to be asked for again."""
    for path, body in ((RUN, BODY | {"training": True}), ("/v1/activations", BODY | {"model": MODEL})):
        reply = cached.post(path, json=body, headers={"If-None-Match": "*"})
        assert (reply.status_code, "etag" in reply.headers, reply.headers["cache-control"]) == (200, False, "no-store")


def test_pictures_posted(cached: Server) -> None:
    """The same image is the same input; resized otherwise it is another."""
    cached.client.put("/v1/models/pictures", json={"input": [14, 14, 1], "layers": [{"type": "Flatten"}]})
    path, headers = "/v1/models/pictures/activations", {"Content-Type": "image/png"}
    tags = [tag_of(cached.post(path + query, content=DIGIT, headers=headers))
            for query in ("", "", "?resize=nearest", "?scale=unit")]  # fmt: skip
    assert (tags[0] == tags[1], len(set(tags))) == (True, 3)


@pytest.mark.parametrize("path", READS)
def test_reading_again(cached: Server, path: str, request: pytest.FixtureRequest) -> None:
    """Weights and forms of a document: strong tags, for the same bytes."""
    plainly = {"Accept-Encoding": "identity"}
    first, second = [cached.client.get(path, headers=plainly) for _ in range(2)]
    assert tag_of(first) == tag_of(second)
    assert first.content == second.content
    assert first.headers["etag"].startswith('"')
    request.getfixturevalue("stopped_engine")
    for known in (tag_of(first), f"W/{tag_of(first)}"):
        assert is_unchanged(cached.client.get(path, headers={**plainly, "If-None-Match": known}), tag_of(first))


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
def test_what_is_confirmed_has_the_tag_that_it_came_with(cached: Server, path: str, coding: str) -> None:
    """Weak or strong, compressed or too small for it."""
    accepted = {"Accept-Encoding": coding}
    tag = tag_of(cached.client.get(path, headers=accepted))
    assert tag.startswith("W/") == (coding != "identity")
    assert is_unchanged(cached.client.get(path, headers={**accepted, "If-None-Match": tag}), tag)


def test_every_reading_has_its_own_tag(cached: Server) -> None:
    """Of the same model."""
    assert len({tag_of(cached.client.get(path)) for path in READS}) == len(READS)


def test_plans(cached: Server) -> None:
    """Of registered models."""
    path = "/v1/plan?model=cached"
    tag = tag_of(cached.post(path))
    assert is_unchanged(cached.post(path, headers={"If-None-Match": tag}), tag)
    assert tag_of(cached.post(path + "&batch=2", headers={"If-None-Match": tag})) != tag
    assert "etag" not in cached.post("/v1/plan", json={"model": MODEL}).headers


def test_a_label_alone_makes_another_document(cached: Server) -> None:
    """The id is the same, and so may be the second in which both were registered."""
    tags = []
    for label in ("alpha", "beta"):
        cached.client.put("/v1/models/labelled", json={**MODEL, "name": label}).raise_for_status()
        tags.append(tag_of(cached.client.get("/v1/models/labelled?as=document")))
    assert tags[0] != tags[1]
    cached.client.delete("/v1/models/labelled")


def test_any_reply_is_one_that_a_get_would_read_again(cached: Server) -> None:
    """`*` spares a reading; to a run it does not say which reply the client has."""
    any_reply = {"If-None-Match": "*"}
    assert cached.client.get("/v1/models/cached", headers=any_reply).status_code == 304
    assert cached.client.post(RUN, json=BODY, headers=any_reply).status_code == 200
    assert cached.client.post(RUN, json={**BODY, "slice": "9:1"}, headers=any_reply).status_code == 422
