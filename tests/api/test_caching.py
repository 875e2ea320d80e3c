"""ETags: equal requests have equal tags, different requests different ones, and a 304 needs no engine."""

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
    """A server with a registered model."""
    server.client.put("/v1/models/cached", json=MODEL).raise_for_status()
    return server


def tag_of(reply: httpx.Response) -> str:
    """Return the ETag of a 200 after checking its caching headers."""
    assert reply.status_code == 200, reply.text[:500]
    assert (reply.headers["cache-control"], reply.headers["vary"]) == ("private, no-cache", VARY)
    return reply.headers["etag"]


def is_unchanged(reply: httpx.Response, tag: str) -> bool:
    """Whether a response is a 304, after checking its headers and empty body."""
    if reply.status_code == 304:
        assert (reply.content, reply.headers["etag"]) == (b"", tag)
        assert (reply.headers["cache-control"], reply.headers["vary"]) == (
            "private, no-cache", VARY)  # fmt: skip
        assert "content-type" not in reply.headers
    return reply.status_code == 304


@pytest.fixture
def stopped_engine(cached: Server) -> Iterator[None]:
    """Stop the engine's process, so that only requests that need no engine are served."""
    pid = cached.engine_pid()
    os.kill(pid, signal.SIGSTOP)
    yield
    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("format", ["json", "jsonl", "npz", "safetensors", "npy", "png"])
def test_known_runs_are_304_without_the_engine(cached: Server, format: str, request: pytest.FixtureRequest) -> None:
    """The tag is weak where the body contains timings, strong where the bytes are reproducible."""
    body = BODY | {"format": format, "layers": ["a"]}
    plainly = {"Accept-Encoding": "identity"}
    tag = tag_of(cached.post(RUN, json=body, headers=plainly))
    assert tag.startswith('W/"') == (format in ("json", "jsonl", "safetensors"))
    if not tag.startswith("W/"):
        assert cached.post(RUN, json=body).content == cached.post(RUN, json=body).content
    request.getfixturevalue("stopped_engine")
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
        assert is_unchanged(cached.post(RUN, json=body, headers={**plainly, "If-None-Match": known}), tag)


def test_inputs_and_options_change_the_etag(cached: Server) -> None:
    """Every option does, also those that change only the representation."""
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


def test_equivalent_spellings_have_one_etag(cached: Server) -> None:
    """The tag covers decoded inputs and parsed options."""
    data = base64.b64encode(np.float32([1, 2, 3]).tobytes()).decode()
    ways = [BODY, {"inputs": [1.0, 2, 3]}, {"inputs": {"shape": [3], "dtype": "float32", "base64": data}},
            BODY | {"data": "nested"}]  # fmt: skip
    tags = {tag_of(cached.post(RUN, json=body)) for body in ways}
    tags.add(tag_of(cached.post(RUN + "?format=json", json=BODY)))
    assert len(tags) == 1


def test_new_weights_change_the_etag(cached: Server) -> None:
    """The name then refers to another model, so a cached tag is stale."""
    cached.client.put("/v1/models/moving", json=MODEL | {"seed": 1}).raise_for_status()
    path = "/v1/models/moving/activations"
    tag = tag_of(cached.post(path, json=BODY))
    cached.client.put("/v1/models/moving", json=MODEL | {"seed": 2}).raise_for_status()
    assert not is_unchanged(cached.post(path, json=BODY, headers={"If-None-Match": tag}), tag)


def test_nondeterministic_and_inline_runs_have_no_etag(cached: Server) -> None:
    """Training mode may be random; an inline model cannot be requested again."""
    for path, body in ((RUN, BODY | {"training": True}), ("/v1/activations", BODY | {"model": MODEL})):
        reply = cached.post(path, json=body, headers={"If-None-Match": "*"})
        assert (reply.status_code, "etag" in reply.headers, reply.headers["cache-control"]) == (200, False, "no-store")


def test_image_bodies_have_etags(cached: Server) -> None:
    """The same image has the same tag; other preprocessing changes it."""
    cached.client.put("/v1/models/pictures", json={"input": [14, 14, 1], "layers": [{"type": "Flatten"}]})
    path, headers = "/v1/models/pictures/activations", {"Content-Type": "image/png"}
    tags = [tag_of(cached.post(path + query, content=DIGIT, headers=headers))
            for query in ("", "", "?resize=nearest", "?scale=unit")]  # fmt: skip
    assert (tags[0] == tags[1], len(set(tags))) == (True, 3)


@pytest.mark.parametrize("path", READS)
def test_reads_of_models_have_strong_etags(cached: Server, path: str, request: pytest.FixtureRequest) -> None:
    """Repeated reads have equal bytes, and both forms of the tag give a 304 without the engine."""
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
def test_a_304_has_the_etag_of_the_200(cached: Server, path: str, coding: str) -> None:
    """It is weak exactly where the 200 was compressed."""
    accepted = {"Accept-Encoding": coding}
    tag = tag_of(cached.client.get(path, headers=accepted))
    assert tag.startswith("W/") == (coding != "identity")
    assert is_unchanged(cached.client.get(path, headers={**accepted, "If-None-Match": tag}), tag)


def test_every_representation_has_its_own_etag(cached: Server) -> None:
    """All are read from the same model."""
    assert len({tag_of(cached.client.get(path)) for path in READS}) == len(READS)


def test_plans_of_registered_models_have_etags(cached: Server) -> None:
    """Options change them; plans of inline models have none."""
    path = "/v1/plan?model=cached"
    tag = tag_of(cached.post(path))
    assert is_unchanged(cached.post(path, headers={"If-None-Match": tag}), tag)
    assert tag_of(cached.post(path + "&batch=2", headers={"If-None-Match": tag})) != tag
    assert "etag" not in cached.post("/v1/plan", json={"model": MODEL}).headers


def test_a_label_changes_the_etag_of_the_document(cached: Server) -> None:
    """The id is unchanged, and both may be registered within one second."""
    tags = []
    for label in ("alpha", "beta"):
        cached.client.put("/v1/models/labelled", json={**MODEL, "name": label}).raise_for_status()
        tags.append(tag_of(cached.client.get("/v1/models/labelled?as=document")))
    assert tags[0] != tags[1]
    cached.client.delete("/v1/models/labelled")


def test_if_none_match_star_applies_to_reads_only(cached: Server) -> None:
    """`*` gives a 304 for GET; a run ignores it, since it does not identify a reply."""
    any_reply = {"If-None-Match": "*"}
    assert cached.client.get("/v1/models/cached", headers=any_reply).status_code == 304
    assert cached.client.post(RUN, json=BODY, headers=any_reply).status_code == 200
    assert cached.client.post(RUN, json={**BODY, "slice": "9:1"}, headers=any_reply).status_code == 422
