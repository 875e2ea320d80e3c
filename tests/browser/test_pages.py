"""Pages in a real browser: which origins may send requests, what they can read, and the service's own pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.conftest import Server

MODEL: dict[str, Any] = {"input": [4, 4, 1], "layers": [{"type": "Conv2D", "filters": 2, "kernel_size": 3}]}
SMALL: dict[str, Any] = {
    "openapi": "3.1.0", "info": {"title": "Layerscope", "version": "0"},
    "paths": {"/healthz": {"get": {"responses": {"200": {"description": "alive"}}}}},
}  # fmt: skip
"""Replaces the full specification, which takes a browser many seconds to render."""
ELSEWHERE = "elsewhere.example"
ASK = """async ([base, model]) => {
    const headers = {'Content-Type': 'application/json'}
    const inputs = Array(4).fill(Array(4).fill([1]))
    const form = new FormData()
    form.append('model', JSON.stringify(model))
    form.append('inputs', JSON.stringify(inputs))
    const told = async (path, options) => {
        try {
            const reply = await fetch(base + path, options)
            const body = reply.status == 204 || reply.status == 304 ? '' : await reply.text()
            return {status: reply.status, type: reply.headers.get('content-type'), body: body.slice(0, 2000),
                    etag: reply.headers.get('etag'), id: reply.headers.get('x-request-id'),
                    range: reply.headers.get('x-layerscope-range'), length: reply.headers.get('content-length')}
        } catch (error) { return {failed: error.name} }
    }
    const body = JSON.stringify({model, inputs})
    const kernel = '/v1/models/page/layers/conv2d/weights?format=png'
    const answers = {
        put: await told('/v1/models/page', {method: 'PUT', headers, body: JSON.stringify(model)}),
        get: await told('/v1/models'),
        form: await told('/v1/activations', {method: 'POST', body: form}),
        json: await told('/v1/activations', {method: 'POST', headers, body}),
        stream: await told('/v1/activations?format=jsonl', {method: 'POST', headers, body}),
        refused: await told('/v1/activations', {method: 'POST', headers, body: '{}'}),
        nowhere: await told('/v1/nowhere'),
        method: await told('/v1/models', {method: 'DELETE'}),
        long: await told('/' + 'x'.repeat(20000)),
        picture: await told(kernel),
        infer: await told('/v2/models/page/infer', {method: 'POST', headers, body: '{}'}),
    }
    answers.known = await told(kernel, {headers: {'If-None-Match': answers.picture.etag ?? '"x"'}})
    answers.delete = await told('/v1/models/page', {method: 'DELETE'})
    return answers
}"""
FORM = """([address, name, value]) => {
    const form = document.createElement('form')
    Object.assign(form, {method: 'post', action: address, enctype: 'multipart/form-data'})
    const field = document.createElement('input')
    Object.assign(field, {name, value})
    form.append(field)
    document.body.append(form)
    form.submit()
}"""


def test_pages_of_localhost_can_use_the_api(server: Server, page: Page, site: Callable[[str], str]) -> None:
    """From another port: preflights, forms, JSON, PUT, DELETE, streams, errors of every layer, and headers."""
    page.goto(site("localhost"))
    reported = page.evaluate(ASK, [server.url, MODEL])
    assert {name: answer.get("status") for name, answer in reported.items()} == {
        "put": 201, "get": 200, "form": 200, "json": 200, "stream": 200, "refused": 422, "nowhere": 404, "method": 405,
        "long": 414, "picture": 200, "infer": 400, "known": 304, "delete": 204,
    }  # fmt: skip
    assert all(len(answer["id"]) == 32 for answer in reported.values())
    assert all('"address":"conv2d"' in reported[name]["body"] for name in ("form", "json", "stream"))
    assert '"pointer":"/model"' in reported["refused"]["body"]
    assert (reported["picture"]["type"], reported["picture"]["etag"][-1:]) == ("image/png", '"')
    assert float(reported["picture"]["range"].split(",")[0]) < 0 < int(reported["picture"]["length"])
    assert reported["known"]["etag"] == reported["picture"]["etag"]


def test_pages_of_foreign_origins_cannot_use_the_api(server: Server, page: Page, site: Callable[[str], str]) -> None:
    """Requests fail in the browser, and those that need no preflight have no effect."""
    server.client.put("/v1/models/kept", json=MODEL).raise_for_status()
    page.goto(site(ELSEWHERE))
    reported = page.evaluate(ASK, [server.url, MODEL])
    assert {name: answer for name, answer in reported.items() if answer != {"failed": "TypeError"}} == {}
    assert server.client.get("/v1/models/page").status_code == 404
    blind = "async address => (await fetch(address, {method: 'POST', mode: 'no-cors'})).type"
    assert page.evaluate(blind, f"{server.url}/v2/repository/models/kept/unload") == "opaque"
    assert server.client.get("/v2/models/kept/ready").status_code == 200


@pytest.mark.parametrize(("host", "status"), [(ELSEWHERE, 403), ("localhost", 200)])
def test_forms_of_foreign_origins_are_rejected(
    server: Server, page: Page, site: Callable[[str], str], host: str, status: int
) -> None:
    """A form needs no preflight: the service rejects it with a message that the user sees."""
    server.client.put("/v1/models/kept", json=MODEL).raise_for_status()
    page.goto(site(host))
    address = f"{server.url}/v1/models/kept/activations"
    with page.expect_response(address) as answered:
        page.evaluate(FORM, [address, "inputs", str([[[1]] * 4] * 4)])
    assert answered.value.status == status, answered.value.text()


def test_dns_rebinding_is_rejected(server: Server, page: Page) -> None:
    """A foreign name that resolves to this machine would have the page treated as same-origin."""
    port = server.client.base_url.port
    answered = page.goto(f"http://{ELSEWHERE}:{port}/v1/models")
    assert answered is not None
    assert (answered.status, answered.json()["code"]) == (421, "misdirected")
    assert "LAYERSCOPE_HOSTS" in answered.text()


def test_try_it_out_works_in_the_docs(server: Server, page: Page) -> None:
    """The response is shown, no other host is contacted, and no policy blocks it."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.route("**/openapi.json", lambda route: route.fulfill(body=json.dumps(SMALL), content_type="application/json"))
    page.goto(f"{server.url}/docs")
    page.click(".opblock-summary-control")
    page.click("button.execute")
    page.wait_for_selector(".live-responses-table .response-col_status")
    assert '"live": true' in page.inner_text(".live-responses-table")
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []
    assert page.evaluate("window.violations") is None


def test_the_page_keeps_to_its_policy(server: Server, page: Page) -> None:
    """It is built (`scripts/web`), starts without an error, contacts no other host, and no policy blocks it."""
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    answered = page.goto(server.url)
    page.wait_for_load_state("networkidle")
    assert answered is not None
    assert answered.headers["content-type"].startswith("text/html"), answered.text()
    assert any("/assets/" in url for url in asked)
    assert [url for url in asked if not url.startswith((server.url, "data:", "blob:"))] == []
    assert (errors, page.evaluate("window.violations")) == ([], None)


@pytest.mark.parametrize("path", ["/docs", "/"])
def test_pages_cannot_be_framed(server: Server, page: Page, site: Callable[[str], str], path: str) -> None:
    """Not even by a page of this machine, to prevent clickjacking."""
    page.goto(site("localhost"))
    page.evaluate("address => document.body.append(Object.assign(document.createElement('iframe'), {src: address}))",
                  server.url + path)  # fmt: skip
    page.wait_for_function("frames.length == 1")
    page.wait_for_load_state("networkidle")
    assert "Layerscope" not in page.frames[1].content()
