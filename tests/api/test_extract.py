"""`layerscope extract`: every kind of input, every format, bits of Keras, bad inputs, and where it was interrupted."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest
import s3fs
import zarr
from PIL import Image
from pyarrow import parquet

from service.cli import main
from service.cluster import connected
from service.extracting.asked import Asked
from service.extracting.extraction import Extracted, extract
from service.extracting.failure import ExtractionFailed
from service.options.activation import ActivationOptions
from service.settings import Settings

Array = np.ndarray[Any, Any]
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # raised by Keras
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\..*"),
]
STUB = "tests.stub_engine"
DOCUMENT = {"input": [28, 28, 1], "layers": [{"type": "ReLU", "name": "a"}, {"type": "ReLU", "name": "b"}]}
BAD = {"pictures/03.png": "invalid_image", "pictures/empty.png": "invalid_image", "wrong.npy": "invalid_tensor"}


@dataclass(frozen=True)
class Data:
    """Files of inputs, what is in each that is good as float32 (28, 28, 1), and the names of all in order."""

    folder: Path
    arrays: dict[str, Array]
    names: list[str]

    @property
    def good(self) -> list[str]:
        """The names of the good inputs, in order."""
        return [name for name in self.names if name in self.arrays]

    @property
    def rows(self) -> Array:
        """All good inputs."""
        return np.stack([self.arrays[name] for name in self.good])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Pictures, rows of .npy, .npz and Parquet, and three files that are bad."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(5)
    pixels = rng.integers(0, 256, (20, 28, 28), np.uint8)
    numbers = rng.normal(0, 1, (9, 28, 28, 1)).astype(np.float32)
    (folder / "pictures").mkdir()
    for number in range(16):
        Image.fromarray(pixels[number]).save(folder / f"pictures/{number:02}.png")
    files = []
    for picture in pixels[16:]:
        Image.fromarray(picture).save(file := io.BytesIO(), "PNG")
        files.append(file.getvalue())
    parquet.write_table(pa.table({"image": files}), folder / "rows.parquet")
    np.save(folder / "rows.npy", numbers[:6])
    np.savez(folder / "rows.npz", numbers[6:])
    (folder / "pictures/03.png").write_bytes((folder / "pictures/03.png").read_bytes()[:60])
    (folder / "pictures/empty.png").touch()
    np.save(folder / "wrong.npy", np.zeros((14, 14), np.float32))
    arrays = {f"pictures/{number:02}.png": pixels[number] for number in range(16) if number != 3}
    arrays |= {f"rows.parquet#{row}": pixels[16 + row] for row in range(4)}
    arrays |= {f"rows.npy#{row}": numbers[row] for row in range(6)}
    arrays |= {f"rows.npz#{row}": numbers[6 + row] for row in range(3)}
    full = {f"{folder}/{name}": np.float32(array).reshape(28, 28, 1) for name, array in arrays.items()}
    files_in_order = sorted({name.partition("#")[0] for name in (*full, *(f"{folder}/{bad}" for bad in BAD))})
    names = [
        name for file in files_in_order for name in (sorted(one for one in full if one.split("#")[0] == file) or [file])
    ]
    return Data(folder, full, names)


@pytest.fixture(scope="module")
def ray(bucket: str) -> Iterator[str]:
    """Ray on this machine, started once, and the bucket that its processes can reach."""
    with connected():
        yield bucket


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a store of their own."""
    return Settings(data_dir=str(tmp_path_factory.mktemp("store")))


@pytest.fixture
def stub(ray: str, data: Data, settings: Settings, tmp_path: Path) -> Callable[..., Extracted]:
    """`stub(out, **options)`: extract both layers with stub engines, whose outputs are the input."""

    def run(out: str, **others: Any) -> Extracted:
        # One reader: each process of Ray takes seconds to start.
        options = {"format": "parquet", "batch": 4, "shard": 8, "quiet": True, "num_cpus": 1.5, **others}
        asked = Asked((str(data.folder),), json.dumps(DOCUMENT), out, ActivationOptions(), **options)
        return extract(asked, settings, STUB)

    return run


def table(out: Path | str, name: str) -> dict[str, list[Any]]:
    """Return a table beside the shards."""
    return dict(parquet.read_table(f"{out}/_extract/{name}.parquet").to_pydict())


def read_parquet(out: Path) -> tuple[list[str], dict[str, Array]]:
    """Return the names of the inputs and their arrays, in the shape that a column's metadata has."""
    found = parquet.read_table(out)
    arrays = {}
    for field in found.schema:
        if field.metadata:
            flat = found[field.name].combine_chunks().flatten().to_numpy()
            arrays[field.name] = flat.reshape(len(found), *json.loads(field.metadata[b"shape"]))
    return found["files"].to_pylist(), arrays


def read_zarr(out: Path | str) -> tuple[list[str], dict[str, Array]]:
    """Return the names of the inputs with results and their arrays; the rows of others are NaN."""
    group = zarr.open_group(out, mode="r")
    valid = group["valid"][:]
    for layer in ("a", "b"):
        assert np.isnan(group[layer][:][~valid]).all()
    return group["files"][:][valid].tolist(), {layer: group[layer][:][valid] for layer in ("a", "b")}


def files_in(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def keras_model() -> Any:
    """Return a network with weights of its own."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)), layers.Rescaling(1 / 255), layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10, name="dense"),
        ]
    )  # fmt: skip


def test_activations_have_the_bits_of_keras(ray: str, data: Data, settings: Settings, tmp_path: Path) -> None:
    """Input by input with `batch=1`, of every kind of input; bad ones are rows of a table. The top inputs of each unit
    and the summary of each channel are NumPy's.
    """
    model = keras_model()
    model.save(tmp_path / "m.keras")
    outputs = [model.get_layer(name).output for name in ("conv", "dense")]
    inner = keras.Model(model.inputs[0], outputs)
    options = ActivationOptions(layers=["conv", "dense"])
    asked = Asked((str(data.folder),), str(tmp_path / "m.keras"), str(tmp_path / "out"), options, batch=1, shard=8,
                  top=3, summary=True, quiet=True)  # fmt: skip
    assert extract(asked, settings) == Extracted(len(data.names), len(BAD))
    names, arrays = read_parquet(tmp_path / "out")
    assert names == data.good
    rows = [[np.asarray(one) for one in inner(row[np.newaxis], training=False)] for row in data.rows]
    for layer, expected in zip(("conv", "dense"), map(np.concatenate, zip(*rows, strict=True)), strict=True):
        np.testing.assert_array_equal(arrays[layer], expected, strict=True)
        check_top(tmp_path / "out", layer, expected, data)
        check_summary(tmp_path / "out", layer, expected)
    errors = table(tmp_path / "out", "errors")
    assert dict(zip(errors["file"], errors["code"], strict=True)) == {f"{data.folder}/{bad}": BAD[bad] for bad in BAD}
    assert errors["index"] == [data.names.index(name) for name in errors["file"]]
    manifest = json.loads((tmp_path / "out/_extract/manifest.json").read_bytes())
    assert manifest["model"]["id"].startswith("sha256:")
    assert manifest["versions"]["keras"] == keras.__version__
    assert sum(shard["inputs"] for shard in manifest["shards"]) == manifest["inputs"]["count"] == len(data.names)


def check_top(out: Path, layer: str, expected: Array, data: Data) -> None:
    """Compare the top inputs of every unit with a stable sort of all."""
    best = expected.max(axis=tuple(range(1, expected.ndim - 1))) if expected.ndim > 2 else expected
    order = np.argsort(-best, axis=0, kind="stable")[:3]
    rows = [row for row in parquet.read_table(out / "_extract/top.parquet").to_pylist() if row["layer"] == layer]
    assert len(rows) == 3 * best.shape[1]
    for row in rows:
        place = order[row["rank"], row["unit"]]
        assert (row["file"], row["value"]) == (data.good[place], best[place, row["unit"]])
        assert row["index"] == data.names.index(row["file"])


def check_summary(out: Path, layer: str, expected: Array) -> None:
    """Compare the figures of every channel with NumPy's on all values."""
    values = expected.reshape(-1, expected.shape[-1]).astype(np.float64)
    rows = [row for row in parquet.read_table(out / "_extract/summary.parquet").to_pylist() if row["layer"] == layer]
    assert [row["channel"] for row in rows] == list(range(values.shape[1]))
    np.testing.assert_allclose([row["mean"] for row in rows], values.mean(0), rtol=1e-12)
    np.testing.assert_allclose([row["variance"] for row in rows], values.var(0), rtol=1e-10)
    np.testing.assert_array_equal([row["maximum"] for row in rows], values.max(0))
    for row, channel in zip(rows, values.T, strict=True):
        edges = row["histogram_low"] + row["histogram_width"] * np.arange(len(row["histogram"]) + 1)
        np.testing.assert_array_equal(row["histogram"], np.histogram(channel, edges)[0])


def test_an_interrupted_extraction_goes_on(stub: Callable[..., Extracted], tmp_path: Path) -> None:
    """To the same bytes as one that was not, of every file; what is done is not done again. Another extraction is
    refused there with what differs, and one that is done does nothing.
    """
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    stub(str(whole), top=2, summary=True)
    obstacle = broken / "shard-000002.parquet.new"
    obstacle.mkdir(parents=True)
    with pytest.raises(ExtractionFailed, match=r"(?s)shard-000002.*the same command goes on with it"):
        stub(str(broken), top=2, summary=True)
    kept = {path.name: path.stat().st_mtime_ns for path in broken.glob("shard-*.parquet")}
    with pytest.raises(ExtractionFailed, match=r"top: 2 there, 3 now\n"):
        stub(str(broken), top=3, summary=True)
    obstacle.rmdir()
    done = stub(str(broken), top=2, summary=True)
    assert files_in(broken) == files_in(whole)
    assert len(kept) > 0
    assert {name: (broken / name).stat().st_mtime_ns for name in kept} == kept
    (broken / "shard-000000.parquet").unlink()
    assert stub(str(broken), top=2, summary=True) == done
    assert not (broken / "shard-000000.parquet").exists()


def test_buckets(stub: Callable[..., Extracted], ray: str, data: Data) -> None:
    """Are read and written like folders."""
    s3fs.S3FileSystem().put(str(data.folder), f"{ray}/data", recursive=True)
    stub_of_bucket = replace(
        Asked((f"{ray}/data",), json.dumps(DOCUMENT), f"{ray}/out", ActivationOptions()), quiet=True
    )
    done = extract(replace(stub_of_bucket, format="zarr", batch=4, shard=8), Settings(), STUB)
    assert done == Extracted(len(data.names), len(BAD))
    names, arrays = read_zarr(f"{ray}/out")
    assert names == [name.replace(str(data.folder), f"{ray}/data") for name in data.good]
    np.testing.assert_array_equal(arrays["a"], data.rows, strict=True)
    assert set(table(f"{ray}/out", "errors")["code"]) == set(BAD.values())


def test_more_engines_than_there_is_room_for(stub: Callable[..., Extracted], tmp_path: Path) -> None:
    """Are refused, where they would wait for ever for the processors of this machine."""
    with pytest.raises(ExtractionFailed, match=r"--engines: \d of 999 CPUs and a reader take .*; write --num-cpus"):
        stub(str(tmp_path / "out"), engines=9, num_cpus=999.0)


WRONG = [
    (["--reduce", "meen@h,w"], 1, '--reduce: .*expected one of .*received "meen'),
    (["--layers", "a,dens"], 1, "--layers/1: .*"),
    (["--batch", "0"], 2, "--batch: expected 1 or more, received 0"),
    (["--shard", "9", "--batch", "4"], 2, "--shard: expected a multiple of --batch 4, received 9"),
    (["--resize", "cubic"], 2, '--resize: .*expected .*bilinear.*received "cubic"'),
    (["--out", "nowhere://x"], 2, "nowhere://x: Protocol not known"),
    (["--format", "csv"], 2, "invalid choice: 'csv'"),
    (["--model", "digitz"], 1, "digitz"),
    (["--model", '{"input": [2], "layers": [{"type": "Dens"}]}'], 1, "Dens"),
    (["--model", "{" + 300 * " "], 2, "is not valid JSON"),
    (["--weights", "imagenet"], 2, "--weights: imagenet is for a network of keras.applications"),
    (["--top", "3", "--histogram", "8"], 2, "--top and --summary are of tensors, and a is written as a:counts"),
]


@pytest.mark.parametrize(("options", "code", "message"), WRONG, ids=lambda value: str(value)[:20])
def test_options_that_are_wrong(  # noqa: PLR0913, PLR0917 (fixtures)
    options: list[str], code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, data: Data,
) -> None:  # fmt: skip
    """End the command with a sentence that says what to write instead, and leave nothing behind."""
    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setenv("LAYERSCOPE_DATA_DIR", str(tmp_path / "store"))
    monkeypatch.setattr("service.extracting.extraction.extract", partial(extract, program=STUB))
    command = ["extract", str(data.folder), "--model", json.dumps(DOCUMENT), "--out", str(tmp_path / "out"), *options]
    with pytest.raises(SystemExit) as end:
        main(command)
    assert end.value.code == code
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "out").exists()
