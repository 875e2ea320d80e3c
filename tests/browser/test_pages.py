"""Pages in a real browser: which of other origins may ask, what they can read, and the service's own."""

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
"""Stands in for the whole description, which takes a browser many seconds to show."""
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


def test_pages_of_this_machine_ask_and_read(server: Server, page: Page, site: Callable[[str], str]) -> None:
    """From another port: preflights, forms, JSON, PUT, DELETE, streams, errors of every layer, and the headers."""
    page.goto(site("localhost"))
    told = page.evaluate(ASK, [server.url, MODEL])
    assert {name: answer.get("status") for name, answer in told.items()} == {
        "put": 201, "get": 200, "form": 200, "json": 200, "stream": 200, "refused": 422, "nowhere": 404, "method": 405,
        "long": 414, "picture": 200, "infer": 400, "known": 304, "delete": 204,
    }  # fmt: skip
    assert all(len(answer["id"]) == 32 for answer in told.values())
    assert all('"address":"conv2d"' in told[name]["body"] for name in ("form", "json", "stream"))
    assert '"pointer":"/model"' in told["refused"]["body"]
    assert (told["picture"]["type"], told["picture"]["etag"][-1:]) == ("image/png", '"')
    assert float(told["picture"]["range"].split(",")[0]) < 0 < int(told["picture"]["length"])
    assert told["known"]["etag"] == told["picture"]["etag"]


def test_pages_of_elsewhere_read_nothing_and_do_nothing(server: Server, page: Page, site: Callable[[str], str]) -> None:
    """Whatever they ask for fails in the browser, and what needs no preflight is not carried out."""
    server.client.put("/v1/models/kept", json=MODEL).raise_for_status()
    page.goto(site(ELSEWHERE))
    told = page.evaluate(ASK, [server.url, MODEL])
    assert {name: answer for name, answer in told.items() if answer != {"failed": "TypeError"}} == {}
    assert server.client.get("/v1/models/page").status_code == 404
    blind = "async address => (await fetch(address, {method: 'POST', mode: 'no-cors'})).type"
    assert page.evaluate(blind, f"{server.url}/v2/repository/models/kept/unload") == "opaque"
    assert server.client.get("/v2/models/kept/ready").status_code == 200


@pytest.mark.parametrize(("host", "status"), [(ELSEWHERE, 403), ("localhost", 200)])
def test_forms_of_elsewhere_are_refused(
    server: Server, page: Page, site: Callable[[str], str], host: str, status: int
) -> None:
    """A form needs no preflight: it is the service that refuses it, in words that its user sees."""
    server.client.put("/v1/models/kept", json=MODEL).raise_for_status()
    page.goto(site(host))
    address = f"{server.url}/v1/models/kept/activations"
    with page.expect_response(address) as answered:
        page.evaluate(FORM, [address, "inputs", str([[[1]] * 4] * 4)])
    assert answered.value.status == status, answered.value.text()


def test_another_name_for_this_machine_is_not_ours(server: Server, page: Page) -> None:
    """A stranger's name that leads here has the browser take his page for one of ours (DNS rebinding)."""
    port = server.client.base_url.port
    answered = page.goto(f"http://{ELSEWHERE}:{port}/v1/models")
    assert answered is not None
    assert (answered.status, answered.json()["code"]) == (421, "misdirected")
    assert "LAYERSCOPE_HOSTS" in answered.text()


def test_the_api_is_tried_out(server: Server, page: Page) -> None:
    """A request is sent from the page and its reply shown; nothing is asked of others, and no policy is in the way."""
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


def test_no_page_frames_it(server: Server, page: Page, site: Callable[[str], str]) -> None:
    """Nor one of this machine: a click on what lies above it would be a click on it."""
    page.goto(site("localhost"))
    page.evaluate("address => document.body.append(Object.assign(document.createElement('iframe'), {src: address}))",
                  f"{server.url}/docs")  # fmt: skip
    page.wait_for_function("frames.length == 1")
    page.wait_for_load_state("networkidle")
    assert "Layerscope" not in page.frames[1].content()
