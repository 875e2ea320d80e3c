"""Features of many files: in batches, in three formats, with bad files, and resumed where it was interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import zarr
from layerscope_client import AsyncLayerscope, Layerscope, Model, errors
from PIL import Image
from pyarrow import parquet

from tests.client.conftest import Array

if TYPE_CHECKING:
    from tests.conftest import Server

LAYERS = ["conv", "head"]
VIEWS = {"reduce": {"conv": "mean@h,w"}}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ten pictures of noise."""
    folder = tmp_path_factory.mktemp("pictures")
    pixels = np.random.default_rng(5).integers(0, 256, (10, 28, 28), np.uint8)
    paths = [folder / f"{number}.png" for number in range(10)]
    for path, picture in zip(paths, pixels, strict=True):
        Image.fromarray(picture).save(path)
    return paths


@pytest.fixture(scope="module")
def expected(model: Model, files: list[Path]) -> dict[str, Array]:
    """The arrays of runs in the same batches."""
    runs = [model.activations(files[at : at + 4], LAYERS, views=VIEWS) for at in (0, 4, 8)]
    return {name: np.concatenate([run[name] for run in runs]) for name in LAYERS}


def read_npz(path: Path) -> tuple[list[str], dict[str, Array]]:
    """Return the names of the files, and the arrays."""
    with np.load(path) as found:
        return found["files"].tolist(), {name: found[name] for name in found if name != "files"}


def read_parquet(path: Path) -> tuple[list[str], dict[str, Array]]:
    """Return the names of the files, and the arrays in the shape that a column's metadata has."""
    table = parquet.read_table(path)
    arrays = {}
    for field in table.schema:
        if field.name != "files":
            shape = json.loads(field.metadata[b"shape"])
            flat = table[field.name].combine_chunks().flatten().to_numpy()
            arrays[field.name] = flat.reshape(len(table), *shape)
    return table["files"].to_pylist(), arrays


def read_zarr(path: Path) -> tuple[list[str], dict[str, Array]]:
    """Return the names of the files, and the arrays."""
    group = zarr.open_group(path, mode="r")
    return list(group.attrs["files"]), {name: array[:] for name, array in group.arrays()}


@pytest.mark.parametrize(("out", "read"), [("f.npz", read_npz), ("f.parquet", read_parquet), ("f.zarr", read_zarr)])
async def test_each_format_has_the_bits_of_runs(
    ls: Layerscope, als: AsyncLayerscope, model: Model, files: list[Path], expected: dict[str, Array], tmp_path: Path,
    out: str, read: Callable[[Path], tuple[list[str], dict[str, Array]]],
) -> None:  # fmt: skip
    """In the order of the files, waiting and awaited; nothing else is left behind."""
    for client in ("waiting", "awaited"):
        path = tmp_path / client / out
        arguments: dict[str, Any] = {"model": "client", "layers": LAYERS, "views": VIEWS, "out": path, "batch": 4}
        found = ls.extract(files, **arguments) if client == "waiting" else await als.extract(files, **arguments)
        assert (found.out, found.files, found.failed) == (path, [str(file) for file in files], {})
        names, arrays = read(path)
        assert names == found.files
        assert set(arrays) == set(expected)
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, expected[name], strict=True)
        assert list(path.parent.iterdir()) == [path]


def test_bad_files_are_named_and_left_out(
    ls: Layerscope, model: Model, files: list[Path], expected: dict[str, Array], tmp_path: Path
) -> None:
    """One that is no picture, one that is cut short, one that is not there; the others are as without them."""
    bad = [tmp_path / "text.png", tmp_path / "half.png", tmp_path / "none.png"]
    bad[0].write_text("no picture")
    bad[1].write_bytes(files[0].read_bytes()[:200])
    given = [*files[:4], bad[0], bad[1], *files[4:], bad[2]]
    found = ls.extract(given, model=model, layers=LAYERS, views=VIEWS, out=tmp_path / "f.npz", batch=4)
    assert set(found.failed) == {str(path) for path in bad}
    assert "No such file" in found.failed[str(bad[2])]
    assert "invalid_image" in found.failed[str(bad[0])]
    names, arrays = read_npz(tmp_path / "f.npz")
    assert names == [str(file) for file in files]
    np.testing.assert_allclose(arrays["head"], expected["head"], rtol=1e-5, atol=1e-6)


def test_a_file_may_be_named_twice(ls: Layerscope, model: Model, files: list[Path], tmp_path: Path) -> None:
    """And has two rows."""
    found = ls.extract([files[0], files[1], files[0]], model="client", layers="head", out=tmp_path / "f.npz")
    names, arrays = read_npz(found.out)
    assert names == [str(files[0]), str(files[1]), str(files[0])]
    np.testing.assert_array_equal(arrays["head"][0], arrays["head"][2])


def test_no_good_file(ls: Layerscope, model: Model, tmp_path: Path) -> None:
    """Is a file of features without any."""
    found = ls.extract([tmp_path / "none.png"], model="client", out=tmp_path / "f.npz")
    assert (found.files, read_npz(found.out)) == ([], ([], {}))


class Counting(httpx.BaseTransport):
    """A transport that counts runs, and fails from one on."""

    def __init__(self, most: int) -> None:
        self._inner, self.runs, self._most = httpx.HTTPTransport(), 0, most

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, or fail."""
        self.runs += request.url.path.endswith("/activations")
        if self.runs > self._most:
            raise KeyboardInterrupt
        return self._inner.handle_request(request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


@pytest.fixture
def counted(server: Server) -> Iterator[Callable[[int], tuple[Layerscope, Counting]]]:
    """`counted(most)`: a client that is interrupted after this many runs, and its count."""
    clients: list[httpx.Client] = []

    def client(most: int) -> tuple[Layerscope, Counting]:
        transport = Counting(most)
        clients.append(httpx.Client(transport=transport))
        return Layerscope(server.url, client=clients[-1]), transport

    yield client
    for one in clients:
        one.close()


def test_an_interrupted_job_is_resumed(
    counted: Any, model: Model, files: list[Path], expected: dict[str, Array], tmp_path: Path
) -> None:
    """What is done is not done again, and the result is the same."""
    arguments: dict[str, Any] = {"model": "client", "layers": LAYERS, "views": VIEWS, "out": tmp_path / "f.npz",
                                 "batch": 4, "concurrency": 1}  # fmt: skip
    first, transport = counted(2)
    with pytest.raises(KeyboardInterrupt):
        first.extract(files, **arguments)
    assert not (tmp_path / "f.npz").exists()
    second, transport = counted(99)
    second.extract(files, **arguments)
    assert transport.runs == 1
    np.testing.assert_array_equal(read_npz(tmp_path / "f.npz")[1]["conv"], expected["conv"])


@pytest.mark.parametrize("change", [{"layers": ["head"]}, {"batch": 5}, {"files": 9}, {"model": "other"}, {"touch": 0}])
def test_another_job_at_the_same_place(
    counted: Any, ls: Layerscope, model: Model, files: list[Path], tmp_path: Path, change: dict[str, Any]
) -> None:
    """Is refused: another model, other files, one that was written since, other options."""
    ls.put("other", {"input": [28, 28, 1], "layers": [{"type": "Conv2D", "filters": 1, "kernel_size": 3}]})
    own = [tmp_path / file.name for file in files]
    for file, copy in zip(files, own, strict=True):
        copy.write_bytes(file.read_bytes())
    arguments: dict[str, Any] = {"model": "client", "layers": None, "out": tmp_path / "f.npz", "batch": 4}
    first, _ = counted(0)
    with pytest.raises(KeyboardInterrupt):
        first.extract(own, **arguments)
    if "touch" in change:
        own[0].write_bytes(files[1].read_bytes())
    given = own[: change.get("files", 10)]
    others = {name: value for name, value in change.items() if name in arguments}
    with pytest.raises(errors.LayerscopeError, match=r"delete .*f\.npz\.parts, or write to another file"):
        ls.extract(given, **{**arguments, **others})


def test_what_is_wrong_with_the_request_ends_it(
    ls: Layerscope, model: Model, files: list[Path], tmp_path: Path
) -> None:
    """Is not blamed on each of the files."""
    with pytest.raises(errors.UnknownAddress, match='write "conv"'):
        ls.extract(files, model="client", layers="conf", out=tmp_path / "f.npz")
    with pytest.raises(errors.NotFound):
        ls.extract(files, model="nobody", out=tmp_path / "f.npz")
    with pytest.raises(errors.LayerscopeError, match=r"write to one of \.npz, \.parquet, \.zarr"):
        ls.extract(files, model="client", out=tmp_path / "f.csv")


def test_rows_that_do_not_fit_together(ls: Layerscope, files: list[Path], tmp_path: Path) -> None:
    """Of a network of any size: the error says to reduce them, and the arrays are kept."""
    ls.put("sizes", {"input": [None, None, 1], "layers": [{"type": "ReLU"}]})
    wide = tmp_path / "wide.png"
    Image.new("L", (30, 28)).save(wide)
    arguments: dict[str, Any] = {"model": "sizes", "layers": "re_lu", "out": tmp_path / "f.npz"}
    with pytest.raises(errors.LayerscopeError, match=r"reduce='mean@h,w'.*of \(28, 28, 1\) and of \(28, 30, 1\)"):
        ls.extract([files[0], wide], **arguments, batch=1)
    mean = ls.extract([files[0], wide], **{**arguments, "out": tmp_path / "g.npz"}, reduce="mean@h,w")
    assert read_npz(mean.out)[1]["re_lu"].shape == (2, 1)
