"""Preprocessing, spectrogram, image and augmentation layers: values, windows, and rejections."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pydantic import ValidationError

from models.engine.layers import create_layer, derived_seed
from models.layers import CATALOGUE
from models.layers.faults import LayerFault
from models.layers.layer import Layer
from models.layers.receptive_field import Window
from models.layers.signal_windows import COSINES, window_values
from models.layers.sizes import Shape

IMAGE: Shape = (None, 8, 8, 3)
TRAINING_ONLY = [cls for cls in CATALOGUE.values() if cls.training_only and hasattr(cls, "output_image")]


def layer(kind: str, **arguments: Any) -> Layer:
    return CATALOGUE[kind].model_validate(arguments)


def compute(made: Layer, values: np.ndarray) -> np.ndarray:
    keras_one = create_layer(made, "l0", lambda field: derived_seed(0, "l0", field))
    return np.asarray(keras_one(values))


@pytest.mark.parametrize("name", COSINES)
def test_periodic_windows_are_truncated_symmetric_ones(name: str) -> None:
    """Windows are symmetric with maximum 1; the periodic kind omits the last value."""
    whole, cut = window_values(name, 9, periodic=False), window_values(name, 8, periodic=True)
    assert cut == whole[:8]
    assert_allclose(whole, whole[::-1], atol=1e-12)
    assert max(whole) == pytest.approx(1, abs=1e-6)


def test_windows_match_numpy() -> None:
    """NumPy has two of them."""
    assert_allclose(window_values("hann", 16, periodic=False), np.hanning(16), atol=1e-12)
    assert_allclose(window_values("hamming", 16, periodic=False), np.hamming(16), atol=1e-12)


def test_stft_is_the_fourier_transform_of_windowed_frames() -> None:
    """The magnitudes equal NumPy's to 1e-5."""
    sound = np.random.default_rng(0).normal(size=(1, 32, 1)).astype("float32")
    made = layer("STFTSpectrogram", frame_length=8, frame_step=4, mode="magnitude", scaling=None)
    frames = np.stack([sound[0, start : start + 8, 0] for start in range(0, 25, 4)])
    assert_allclose(compute(made, sound)[0], np.abs(np.fft.rfft(frames * np.hanning(8))), atol=1e-5)


def test_macs_of_spectrograms() -> None:
    """The transform by convolution counts, twice if both parts are needed; the mel scale is a matrix product."""
    log, real = layer("STFTSpectrogram", frame_length=8), layer("STFTSpectrogram", frame_length=8, mode="real")
    mel = layer("MelSpectrogram", fft_length=16, num_mel_bins=4)
    output = (2, 7, 5)
    assert (log.macs(((2, 32, 1),), (output,)), real.macs(((2, 32, 1),), (output,))) == (70 * 16, 70 * 8)
    assert mel.macs(((2, 64),), ((2, 4, 9),)) == 72 * 9
    assert log.macs(((None, 32, 1),), ((None, 7, 5),)) is None
    assert mel.macs(((None, 64),), ((None, 4, 9),)) is None
    assert log.needs_lengths()


@pytest.mark.parametrize("cls", TRAINING_ONLY, ids=lambda cls: cls.__name__)
def test_augmentation_is_the_identity_at_inference(cls: type[Layer]) -> None:
    """The windows are single pixels."""
    assert cls.model_validate(cls.example.arguments).windows(IMAGE) == (Window(), Window())


def test_crops_shift_the_window() -> None:
    """By the margin, which is unknown for free axes."""
    crop = layer("CenterCrop", height=4, width=7)
    assert crop.windows(IMAGE) == (Window(before=-2), Window(before=0))
    assert crop.windows((None, None, 8, 3)) == (Window(before=None), Window(before=0))
    images = np.arange(64, dtype="float32").reshape(1, 8, 8, 1)
    assert compute(crop, images)[0, 0, 0, 0] == images[0, 2, 0, 0]


def test_pipelines_combine_the_windows_of_their_layers() -> None:
    """None if a layer moves pixels; sizes are propagated."""
    still = [{"type": "Rescaling", "scale": 0.5}, {"type": "RandomFlip"}]
    resized = [{"type": "Resizing", "height": 4, "width": 4}, {"type": "CenterCrop", "height": 3, "width": 3}]
    tiles = [{"type": "ContrastLimitedAdaptiveHistogramEqualization"}]
    assert layer("Pipeline", layers=still).windows(IMAGE) == (Window(), Window())
    assert layer("Pipeline", layers=resized).windows(IMAGE) is None
    layer("Pipeline", layers=resized).check_shapes((IMAGE,))
    assert layer("Pipeline", layers=tiles).needs_lengths()
    assert not layer("Pipeline", layers=still).needs_lengths()


def test_category_encoding_bounds_the_ids() -> None:
    """By the number of tokens."""
    assert layer("CategoryEncoding", num_tokens=5).id_bound() == 5


HUGE = {"type": "Resizing", "height": 16_384, "width": 16_384}
SMALL = {"type": "CenterCrop", "height": 4, "width": 4}
MEL = {"fft_length": 16, "sequence_stride": 8, "num_mel_bins": 4}
REFUSED = [
    ("Rescaling", {"scale": [1.0, 2.0]}, IMAGE, "scale"),
    ("Rescaling", {"scale": 1.0, "offset": [1.0, 2.0]}, IMAGE, "offset"),
    ("Normalization", {"mean": [1.0, 2.0], "variance": [1.0, 2.0]}, IMAGE, "mean"),
    ("Normalization", {"mean": 1.0, "variance": 1.0, "axis": 0}, IMAGE, "axis"),
    ("Normalization", {"mean": 1.0, "variance": 1.0, "axis": [1, -3]}, IMAGE, "axis"),
    ("Normalization", {"mean": 1.0, "variance": 1.0, "axis": 7}, IMAGE, "axis"),
    ("Normalization", {"mean": 1.0, "variance": 1.0}, (None, 8, None), "inputs"),
    ("CenterCrop", {"height": 4, "width": 9}, IMAGE, "width"),
    ("ContrastLimitedAdaptiveHistogramEqualization", {}, (None, 600, 600, 3), "inputs"),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": 9}, IMAGE, "tile_grid_size"),
    ("Pipeline", {"layers": [HUGE, SMALL]}, IMAGE, "layers/1"),
    ("Pipeline", {"layers": [SMALL | {"height": 9}]}, IMAGE, "layers/0/height"),
    ("Pipeline", {"layers": [SMALL]}, (None, 8, 8), "layers/0"),
    ("CategoryEncoding", {"num_tokens": 5}, (None, 2, 3), "output_mode"),
    ("Discretization", {"bin_boundaries": [0.0], "output_mode": "count"}, (None,), "output_mode"),
    ("Hashing", {"num_bins": 5, "output_mode": "one_hot"}, (None, 2), "output_mode"),
    ("IntegerLookup", {"vocabulary": [1], "output_mode": "tf_idf", "idf_weights": [0.5]}, (None, 2, 2), "output_mode"),
    ("HashedCrossing", {"num_bins": 5}, (None, 2), "inputs"),
    ("STFTSpectrogram", {"frame_length": 33}, (None, 32, 1), "frame_length"),
    ("STFTSpectrogram", {}, (None, 320, None), "inputs"),
    ("MelSpectrogram", MEL, (None, 8), "fft_length"),
    ("MelSpectrogram", MEL, (None, 63), "sequence_stride"),
]


@pytest.mark.parametrize(("kind", "arguments", "shape", "field"), REFUSED)
def test_invalid_shapes_are_rejected_at_their_field(
    kind: str, arguments: dict[str, Any], shape: Shape, field: str
) -> None:
    """Lists must fit their axis, crops their image, and the output must have the shape that Keras announces."""
    made = layer(kind, **arguments)
    with pytest.raises(LayerFault) as refused:
        made.check_shapes((shape,) * made.input_count[0])
    assert refused.value.field == field


def test_unknown_lengths_are_accepted() -> None:
    """Checks that depend on a length are made once it is known."""
    layer("MelSpectrogram", **MEL).check_shapes(((None, None),))
    layer("CenterCrop", **{key: SMALL[key] for key in ("height", "width")}).check_shapes(((None, None, None, 3),))
    layer("Normalization", mean=1.0, variance=1.0, axis=None).check_shapes(((None, None, None),))
    layer("Hashing", num_bins=5, output_mode="one_hot").check_shapes(((None, 1),))


IMPOSSIBLE = [
    ("Normalization", {"mean": 1.0}, "normalization"),
    ("Normalization", {"mean": 1.0, "variance": [1.0]}, "normalization"),
    ("Normalization", {"mean": [1.0], "variance": [1.0], "axis": None}, "normalization"),
    ("Resizing", {"height": 4, "width": 4, "crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "aspect_ratio"),
    ("AutoContrast", {"value_range": [1.0, 1.0]}, "value_range"),
    ("RandomGaussianBlur", {"kernel_size": 4}, "odd_size"),
    ("RandomGaussianBlur", {"kernel_size": [3, 4]}, "odd_size"),
    ("CategoryEncoding", {}, "num_tokens"),
    ("CategoryEncoding", {"num_tokens": 5, "sparse": True}, "sparse"),
    ("Discretization", {"num_bins": 4}, "bin_boundaries"),
    ("Discretization", {"bin_boundaries": [1.0, 1.0]}, "bin_boundaries"),
    ("IntegerLookup", {}, "vocabulary"),
    ("IntegerLookup", {"vocabulary": "/etc/passwd"}, "list_type"),
    ("IntegerLookup", {"vocabulary": [1], "idf_weights": [0.5]}, "idf_weights"),
    ("IntegerLookup", {"vocabulary": [1], "output_mode": "tf_idf"}, "idf_weights"),
    ("STFTSpectrogram", {"frame_length": 8, "frame_step": 9}, "frame_step"),
    ("STFTSpectrogram", {"frame_length": 8, "fft_length": 4}, "fft_length"),
    ("STFTSpectrogram", {"frame_length": 8, "window": [1.0]}, "window"),
    ("MelSpectrogram", MEL | {"sequence_length": 17}, "sequence_length"),
    ("MelSpectrogram", MEL | {"window": [1.0]}, "window"),
    ("MelSpectrogram", MEL | {"min_freq": 9000.0}, "min_freq"),
]


@pytest.mark.parametrize(("kind", "arguments", "code"), IMPOSSIBLE)
def test_invalid_arguments_are_rejected(kind: str, arguments: dict[str, Any], code: str) -> None:
    """Independent of shapes."""
    with pytest.raises(ValidationError) as refused:
        layer(kind, **arguments)
    assert code in {error["type"] for error in refused.value.errors()}


def test_all_layers_but_augmix_are_reproducible_in_training() -> None:
    """AugMix draws numbers without a seed."""
    assert [name for name, cls in CATALOGUE.items() if not cls.reproducible] == ["AugMix"]
