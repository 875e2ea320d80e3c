"""The built TypeScript client in a real browser: in a page of another origin, and in a worker of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import Quiet
from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.conftest import Server

CLIENT = ROOT / "clients/typescript"
MODEL: dict[str, Any] = {
    "input": [4, 4, 1],
    "layers": [{"type": "Conv2D", "filters": 2, "kernel_size": 3}, {"type": "Flatten"}, {"type": "Dense", "units": 3}],
}
ROWS = [[[[row * 4 + column] for column in range(4)] for row in range(4)]]
USE = """
    import {InvalidDocument, Layerscope} from './index.js'
    export async function use(service, document) {
        const ls = new Layerscope(service)
        const input = {shape: [1, 4, 4, 1], data: Float32Array.from({length: 16}, (_, index) => index)}
        await ls.put('in-browser', document)
        const model = ls.model('in-browser')
        const run = await model.activations(input, {layers: ['conv2d', 'dense']})
        const half = await model.activations(input, {layers: 'conv2d', dtype: 'float16'})
        const drawn = Object.assign(new OffscreenCanvas(4, 4), {})
        drawn.getContext('2d').fillRect(0, 0, 2, 2)
        const picture = await model.activations(await drawn.convertToBlob(), {layers: 'dense', format: 'png'})
        const lines = []
        const stream = await model.activations(input, {format: 'jsonl', data: 'none'})
        for await (const layer of stream.layers) lines.push(layer.address)
        const refused = await ls.put('in-browser-2', {layers: []}).catch(error => error)
        const given = await model.activations(input, {signal: AbortSignal.abort()}).catch(error => error.name)
        await ls.delete('in-browser')
        return {
            shape: run.get('conv2d').shape, type: run.get('conv2d').data.constructor.name,
            dense: [...run.get('dense').data], half: half.get('conv2d').data.constructor.name,
            picture: picture.blob.type, lines, refused: refused instanceof InvalidDocument, given,
        }
    }
"""
WORKER = """
    import {use} from './use.js'
    onmessage = event => use(...event.data).then(postMessage, error => postMessage({failed: String(error)}))
"""
IN_PAGE = "async ([service, document]) => (await import('/use.js')).use(service, document)"
IN_WORKER = """data => new Promise(resolve => {
    const worker = new Worker('/worker.js', {type: 'module'})
    worker.onmessage = event => resolve(event.data)
    worker.postMessage(data)
})"""


@pytest.fixture(scope="module")
def client_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a page on this machine, beside the files of the built client."""
    subprocess.run([ROOT / "scripts/node", "npm", "run", "--silent", "build", "--workspace", "layerscope"], check=True)
    folder: Path = tmp_path_factory.mktemp("client")
    shutil.copytree(CLIENT / "dist", folder, dirs_exist_ok=True)
    for name, text in (("use.js", USE), ("worker.js", WORKER), ("index.html", "<!doctype html>")):
        (folder / name).write_text(text)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        serving.join()


@pytest.mark.parametrize("place", [IN_PAGE, IN_WORKER], ids=["page", "worker"])
def test_the_built_client_works_in_a_browser(server: Server, page: Page, client_site: str, place: str) -> None:
    """Tensors, pictures of a canvas, lines, errors and signals; the numbers are those of the JSON reply."""
    page.goto(client_site)
    reported = page.evaluate(place, [server.url, MODEL])
    dense = reported.pop("dense")
    assert dense == pytest.approx(server.run(MODEL, ROWS, layers=["dense"])["layers"][0]["data"][0], rel=1e-6)
    assert reported == {
        "shape": [1, 2, 2, 2], "type": "Float32Array", "half": "Float32Array", "picture": "image/png",
        "lines": ["conv2d", "flatten", "dense"], "refused": True, "given": "AbortError",
    }  # fmt: skip
