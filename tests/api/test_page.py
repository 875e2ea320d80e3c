"""`/` and the files of the page: for whom, under which headers, with keys and without a build."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.access.keys import new_key

if TYPE_CHECKING:
    from tests.conftest import Server

Start = Callable[..., AbstractContextManager["Server"]]
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}
INDEX, SCRIPT = "<!doctype html><title>Layerscope</title>", b"console.log('a page')\n" * 100
POLICY = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self' blob: data:",
    "font-src": "'self'", "connect-src": "'self'", "worker-src": "'self'", "base-uri": "'none'",
    "form-action": "'none'", "frame-ancestors": "'none'",
}  # fmt: skip


def build(folder: Path) -> None:
    """Write what Vite writes: a page, and files with hashed names, compressed beside."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "assets/index-BsURZb-0.js").write_bytes(SCRIPT)
    (folder / "assets/index-BsURZb-0.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets/small-Dk2s9x_1.css").write_text("p {}")
    (folder / "secret.txt").write_text("not a file of the page")


@pytest.fixture(scope="module")
def page(start_stub_server: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose page is built after its start, and whose API needs a key."""
    folder = tmp_path_factory.mktemp("page") / "web"
    keys = tmp_path_factory.mktemp("keys") / "keys.txt"
    keys.write_text(new_key("alice")[1] + "\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STUB_PAGE", str(folder))
        with start_stub_server(tmp_path_factory.mktemp("store"), KEYS=str(keys)) as server:
            missing = server.client.get("/", headers=BROWSER)
            assert (missing.status_code, missing.headers["content-type"]) == (200, "text/plain; charset=utf-8")
            assert "the page for browsers is not built here: run scripts/web" in missing.text
            assert server.client.get("/assets/index-BsURZb-0.js").json()["code"] == "not_found"
            build(folder)
            yield server


def test_browsers_get_the_page_under_a_strict_policy(page: Server) -> None:
    """Nothing inline, from other origins, or in a frame; revalidated each time, and a 304 has the same headers."""
    reply = page.client.get("/", headers=BROWSER)
    assert (reply.status_code, reply.text) == (200, INDEX)
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(maxsplit=1) for part in reply.headers["content-security-policy"].split("; "))
    assert policy == POLICY
    known = page.client.get("/", headers={**BROWSER, "If-None-Match": reply.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    for one in (reply, known):
        assert one.headers["cache-control"] == "no-cache"
        assert one.headers["x-frame-options"] == "DENY"
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["cross-origin-resource-policy"] == "same-origin"
        assert one.headers["referrer-policy"] == "same-origin"
        assert {"Accept", "Accept-Encoding", "Origin"} <= set(one.headers["vary"].split(", "))


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/plain", "text/*", "text/html;q=0, */*", ""])
def test_others_get_a_text_that_says_where_things_are(page: Server, accept: str) -> None:
    """For curl, probes and scripts: HTML is sent where it is asked for by name."""
    reply = page.client.get("/", headers={"Accept": accept})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert all(path in reply.text for path in ("/docs", "/openapi.json", "/v1/models", "/v1/activations"))
    assert "not built" not in reply.text
    assert "Accept" in reply.headers["vary"].split(", ")


def test_assets_are_cached_for_good(page: Server) -> None:
    """Their names change with their content."""
    reply = page.client.get("/assets/small-Dk2s9x_1.css")
    assert (reply.status_code, reply.text, reply.headers["content-type"]) == (200, "p {}", "text/css; charset=utf-8")
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert "content-encoding" not in reply.headers


@pytest.mark.parametrize(("accepted", "coding"), [
    ("gzip", "gzip"), ("zstd, br, gzip;q=0.5", "gzip"), ("identity", None), ("gzip;q=0", None), ("br", None),
])  # fmt: skip
def test_assets_are_sent_compressed_where_gzip_is_accepted(page: Server, accepted: str, coding: str | None) -> None:
    """The file that was compressed when the page was built, with the same type."""
    reply = page.client.get("/assets/index-BsURZb-0.js", headers={"Accept-Encoding": accepted})
    assert (reply.content, reply.headers.get("content-encoding")) == (SCRIPT, coding)
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert int(reply.headers["content-length"]) == len(SCRIPT if coding is None else gzip.compress(SCRIPT))
    assert "Accept-Encoding" in reply.headers["vary"].split(", ")
    known = {"Accept-Encoding": accepted, "If-None-Match": reply.headers["etag"]}
    assert page.client.get("/assets/index-BsURZb-0.js", headers=known).status_code == 304


@pytest.mark.parametrize("path", [
    "/assets/../secret.txt", "/assets/%2e%2e/secret.txt", "/assets/..%2fsecret.txt", "/assets/", "/assets/a%00b",
    "/assets/none.js", "/assets//etc/passwd", "/assets/%2fetc%2fpasswd", "/assets/" + "x" * 300,
])  # fmt: skip
def test_other_files_are_not_sent(page: Server, path: str) -> None:
    """Neither those above the folder, nor folders, nor what is not there."""
    request = page.client.build_request("GET", "/assets/", headers={"Accept-Encoding": "gzip"})
    request.url = request.url.copy_with(raw_path=path.encode())
    reply = page.client.send(request)
    assert reply.status_code in (401, 404), reply.text  # outside /assets nothing is known without a key
    assert "not a file of the page" not in reply.text
    assert reply.headers["content-type"] == "application/problem+json"


def test_only_the_page_needs_no_key(page: Server) -> None:
    """It has no data; the API that it asks needs one."""
    assert page.client.get("/", headers=BROWSER).status_code == 200
    assert page.client.get("/assets/small-Dk2s9x_1.css").status_code == 200
    assert page.client.get("/v1/models").status_code == 401


def test_the_page_is_in_the_metrics_but_not_in_the_api(server: Server) -> None:
    """Under the templates of its routes; `/openapi.json` describes neither."""
    server.client.get("/", headers=BROWSER)
    server.client.get("/assets/none.js")
    metrics = server.client.get("/metrics").text
    assert 'layerscope_requests_total{method="GET",route="/",status="200"}' in metrics
    assert 'layerscope_requests_total{method="GET",route="/assets/{path:path}",status="404"}' in metrics
    assert not {"/", "/assets/{path}"} & server.client.get("/openapi.json").json()["paths"].keys()
