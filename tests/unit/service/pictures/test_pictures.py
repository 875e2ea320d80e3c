"""Rendered pictures of tensors: colors and positions of values."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.errors import InvalidOption, TooLarge
from models.tensors.dtypes import Array
from service.pictures.colours import COLOUR_MAPS, GUTTER, NONFINITE, table
from service.pictures.histogram import Bars, pixels, svg
from service.pictures.png import png
from service.pictures.scaling import Range, parse_range, scale_maps
from service.pictures.sheet import MAX_PIXELS, RenderStyle, check_pixels, draw_sheet, sheet_size, stack
from service.pictures.tiles import kernel_axes, named_axes, tile

GOLDEN = Path(__file__).parents[3] / "golden"
LAYER = RenderStyle("gray", Range("layer"), 1)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("gray", "000000", "ffffff"), ("viridis", "440154", "fde725"), ("magma", "000004", "fcfdbf"),
     ("cividis", "00224e", "fee838"), ("coolwarm", "3b4cc0", "b40426")],
)  # fmt: skip
def test_color_maps_have_the_published_ends(name: str, first: str, last: str) -> None:
    """They have 256 colors."""
    colours = table(name)
    assert (colours.shape, colours.dtype) == ((256, 3), np.uint8)
    assert (bytes(colours[0]).hex(), bytes(colours[-1]).hex()) == (first, last)


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_marker_colors_are_in_no_color_map(name: str) -> None:
    """Those of gaps, NaN and infinities; neighboring colors are similar."""
    colours = table(name).astype(int)
    assert not {GUTTER, NONFINITE} & {tuple(colour) for colour in colours.tolist()}
    assert abs(np.diff(colours, axis=0)).max() < 8


def test_the_middle_of_the_diverging_map_is_neutral() -> None:
    """Zero is gray."""
    assert np.ptp(table("coolwarm")[127:129].astype(int)) <= 1


@pytest.mark.parametrize("name", ["layer", "map", "symmetric"])
def test_values_are_scaled_to_their_range(name: str) -> None:
    """Each to the nearest of 256 codes."""
    maps = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    exact = maps.astype(np.float64)
    low, high = exact.min(), exact.max()
    if name == "map":
        low, high = exact.min((2, 3), keepdims=True), exact.max((2, 3), keepdims=True)
    if name == "symmetric":
        low, high = -abs(exact).max(), abs(exact).max()
    found = scale_maps(maps, Range(name))
    np.testing.assert_array_equal(found.codes, np.rint((exact - low) / (high - low) * 255))
    assert (found.low, found.high) == (np.min(low), np.max(high))
    assert (found.bad.any(), found.clipped) == (False, 0)


def test_an_explicit_range_counts_clipped_values() -> None:
    """They have the colors of the range's ends."""
    found = scale_maps(np.array([[[[-3.0, -2, 0, 2, 2.5, np.inf]]]]), parse_range("-2,2"))
    np.testing.assert_array_equal(found.codes[0, 0, 0, :5], [0, 0, 128, 255, 255])
    assert (found.low, found.high, found.clipped, found.bad.sum()) == (-2, 2, 2, 1)


@pytest.mark.parametrize("name", ["layer", "map"])
@pytest.mark.parametrize("value", [0.0, 5.0, -1e308, 1e-320])
def test_a_constant_has_the_lowest_color(name: str, value: float) -> None:
    """Without a division by zero."""
    found = scale_maps(np.full((1, 2, 3, 3), value), Range(name))
    assert not found.codes.any()
    assert (found.low, found.high) == (value, value)


def test_zero_is_in_the_middle_of_a_symmetric_range() -> None:
    """Also if all values are zero."""
    np.testing.assert_array_equal(
        scale_maps(np.zeros((1, 1, 1, 2)), Range("symmetric")).codes, np.full((1, 1, 1, 2), 128)
    )
    np.testing.assert_array_equal(
        scale_maps(np.array([[[[-1.0, 0, 1]]]]), Range("symmetric")).codes, [[[[0, 128, 255]]]]
    )


@pytest.mark.parametrize("name", ["layer", "map", "symmetric"])
def test_nonfinite_values_have_a_marker_color(name: str) -> None:
    """They do not affect the range; a map without finite values has none."""
    maps = np.array([[[[1, np.nan, 3]], [[np.inf, -np.inf, np.nan]]]])
    found = scale_maps(maps, Range(name))
    np.testing.assert_array_equal(found.bad, ~np.isfinite(maps))
    assert found.high == 3
    nothing = scale_maps(np.full((1, 1, 1, 1), np.nan), Range(name))
    assert (nothing.low, nothing.high, nothing.bad.all()) == (None, None, True)
    sheet, _ = draw_sheet(maps, tile((1, 1, 3, 2), "nhwc"), RenderStyle("gray", Range(name), 1))
    assert [tuple(pixel) for pixel in sheet[0, 4:].tolist()] == [NONFINITE] * 3


def test_the_widest_range_is_scaled() -> None:
    """Its width exceeds the largest double."""
    np.testing.assert_array_equal(
        scale_maps(np.array([[[[-1.7e308, 0, 1.7e308]]]]), Range("layer")).codes, [[[[0, 128, 255]]]]
    )


@pytest.mark.parametrize("name", ["layer", "map", "symmetric"])
def test_the_narrowest_values_are_scaled(name: str) -> None:
    """Half of the smallest double is 0: such a layer is treated as constant."""
    found = scale_maps(np.array([[[[0, 5e-324]]]]), Range(name))
    np.testing.assert_array_equal(found.codes, np.full((1, 1, 1, 2), 128 if name == "symmetric" else 0))


def test_a_narrow_range_clips_distant_values() -> None:
    """The quotient exceeds the largest double."""
    found = scale_maps(np.array([[[[-1e300, 0, 5e-308, 1e300]]]]), parse_range("0,5e-308"))
    np.testing.assert_array_equal(found.codes, [[[[0, 0, 255, 255]]]])
    assert found.clipped == 2


@pytest.mark.parametrize(
    "text",
    ["", "maps", "1", "1,2,3", "2,1", "1,1", "nan,1", "0,inf", "1_0,20", "a,b", ",", "9" * 99, "0,5e-324", "0,4e-308",
     "-5e-324,5e-324"],
)  # fmt: skip
def test_invalid_ranges_are_rejected(text: str) -> None:
    """With the option's pointer."""
    with pytest.raises(InvalidOption) as caught:
        parse_range(text)
    assert caught.value.problems[0].pointer == "/normalize"


def sheet_of(array: Array, axes: str, upscale: int = 1) -> Array:
    """Return the codes of a contact sheet in gray, -1 for gaps."""
    tiles = tile(array.shape, axes)
    sheet, _ = draw_sheet(tiles.of(array, axes), tiles, RenderStyle("gray", Range("explicit", (0, 255)), upscale))
    assert sheet.shape[1::-1] == sheet_size(tiles, upscale)
    is_gap = (sheet == GUTTER).all(-1)
    assert (np.ptp(sheet, axis=-1)[~is_gap] == 0).all()
    return np.where(is_gap, -1, sheet[..., 0].astype(int))


def test_channels_form_a_nearly_square_grid() -> None:
    """Row by row, examples below one another, with gaps of a pixel."""
    array = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 7))
    sheet = sheet_of(array, "nhwc")
    assert sheet.shape == (2 * 3 * 5 - 1, 3 * 6 - 1)
    for item in range(2):
        for channel in range(7):
            top, left = (item * 3 + channel // 3) * 5, channel % 3 * 6
            np.testing.assert_array_equal(sheet[top : top + 4, left : left + 5], array[item, :, :, channel])
    assert (sheet[4::5] == -1).all()
    assert (sheet[:, 5::6] == -1).all()
    assert (sheet[10:15, 6:] == -1).all()


def test_values_are_upscaled_to_squares() -> None:
    """Without interpolation."""
    array = np.arange(12).reshape(1, 3, 4, 1)
    np.testing.assert_array_equal(sheet_of(array, "nhwc", 3), np.kron(array[0, :, :, 0], np.ones((3, 3), int)))


@pytest.mark.parametrize(
    ("axes", "shape", "index"),
    [
        ("nc", (3, 5), lambda a: a),
        ("c", (5,), lambda a: a[None]),
        ("", (), lambda a: a.reshape(1, 1)),
        ("hw", (3, 4), lambda a: a),
        ("hc", (3, 4), lambda a: a),
        ("wc", (3, 4), lambda a: a),
        ("ntc", (1, 3, 4), lambda a: a[0]),
        ("hwc", (3, 4, 1), lambda a: a[:, :, 0]),
        ("nhw", (1, 3, 4), lambda a: a[0]),
        ("dhwc", (1, 3, 4, 1), lambda a: a[0, :, :, 0]),
    ],
)
def test_a_single_map_is_the_tensor_itself(axes: str, shape: tuple[int, ...], index: Any) -> None:
    """Examples or space downwards, units or channels to the right."""
    array = np.random.default_rng(0).integers(0, 256, shape)
    np.testing.assert_array_equal(sheet_of(array, axes), index(array))


def test_sequences_are_placed_side_by_side() -> None:
    """Time downwards, channels to the right."""
    array = np.random.default_rng(0).integers(0, 256, (3, 4, 5))
    sheet = sheet_of(array, "ntc")
    np.testing.assert_array_equal(sheet[:4, 6:11], array[1])
    np.testing.assert_array_equal(sheet[5:9, :5], array[2])


def test_depth_is_placed_along_the_columns() -> None:
    """With one row per channel."""
    array = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, 2))
    sheet = sheet_of(array, "ndhwc")
    assert sheet.shape == (4 * 5 - 1, 3 * 6 - 1)
    np.testing.assert_array_equal(sheet[15:19, 6:11], array[1, 1, :, :, 1])


def test_kernels_are_drawn_filter_by_filter() -> None:
    """A row per filter with its inputs; with one input, the filters form a nearly square grid."""
    kernel = np.random.default_rng(0).integers(0, 256, (3, 3, 2, 5))
    sheet = sheet_of(kernel, kernel_axes(4))
    assert sheet.shape == (5 * 4 - 1, 2 * 4 - 1)
    np.testing.assert_array_equal(sheet[16:19, 4:7], kernel[:, :, 1, 4])
    first = kernel[:, :, :1]
    np.testing.assert_array_equal(sheet_of(first, kernel_axes(4))[4:7, 4:7], first[:, :, 0, 4])
    line = np.random.default_rng(0).integers(0, 256, (3, 2, 4))
    np.testing.assert_array_equal(sheet_of(line, kernel_axes(3))[4:7, :2], line[:, :, 2])
    np.testing.assert_array_equal(sheet_of(line[0], kernel_axes(2)), line[0])
    np.testing.assert_array_equal(sheet_of(line[0, 0], kernel_axes(1)), line[0, 0][None])


def test_tensors_of_many_axes_are_rejected() -> None:
    """They must be sliced first."""
    assert named_axes("????", "conv") == "nhwc"
    with pytest.raises(InvalidOption):
        named_axes("??????", "conv")


def test_the_number_of_pixels_is_limited() -> None:
    """The error contains the sizes and is raised before rendering."""
    check_pixels([(MAX_PIXELS // 8, 8)])
    with pytest.raises(TooLarge) as caught:
        check_pixels([(MAX_PIXELS // 8, 4), (1, 1)])
    (problem,) = caught.value.problems
    assert problem.received == "1,048,576 × 9 pixels"


def bars() -> Bars:
    """Return seven bins, one of them empty and one almost empty."""
    counts = np.array([1, 200, 1000, 0, 500, 3, 77])
    return Bars("block/conv2d:pre", counts, np.linspace(-2, 2, 8), np.array([3, 1234, 5]))


def golden_pictures() -> dict[str, Array]:
    """Render the pictures that must stay equal on every machine."""
    draw = np.random.default_rng(7)
    maps = draw.normal(size=(2, 5, 6, 7)).round(2)
    maps[0, 0, 0, 0], maps[1, 2, 3, 4] = np.nan, np.inf
    tiles = tile(maps.shape, "nhwc")
    found = {
        f"sheet-{cmap}-{range}": draw_sheet(tiles.of(maps, "nhwc"), tiles, RenderStyle(cmap, parse_range(range), 2))[0]
        for cmap, range in (("gray", "layer"), ("viridis", "map"), ("magma", "layer"), ("cividis", "-1,1"),
                            ("coolwarm", "symmetric"))
    }  # fmt: skip
    return {**found, "histogram": pixels(bars()), "stacked": stack([found["sheet-gray-layer"], pixels(bars())])}


@pytest.mark.parametrize("name", sorted(golden_pictures()))
def test_pictures_match_the_golden_files(name: str) -> None:
    """Pixel by pixel."""
    with Image.open(GOLDEN / f"{name}.png") as image:
        np.testing.assert_array_equal(np.asarray(image), golden_pictures()[name])


def test_the_svg_matches_the_golden_file() -> None:
    """Byte by byte; addresses are escaped."""
    other = Bars("<a&b>", np.array([1, 0]), np.array([0, 0.5, 1]), np.array([0, 0, 0]))
    assert svg([bars(), other]) == (GOLDEN / "histogram.svg").read_text(encoding="utf-8")
    assert "&lt;a&amp;b&gt;" in svg([other])


@pytest.mark.parametrize("bins", [1, 64, 512, 4096])
def test_every_bin_is_at_least_a_pixel_high(bins: int) -> None:
    """The tallest bar has the picture's height."""
    counts = np.arange(1, bins + 1)
    sheet = pixels(Bars("conv2d", counts, np.linspace(0, 1, bins + 1), np.array([0, 0, 0])))
    is_bar = (sheet == (68, 114, 196)).all(-1)
    assert is_bar.sum(0).max() == 256
    assert (is_bar.sum(0) > 0).sum() == max(1, 512 // bins) * bins


def test_png_files_contain_text_chunks() -> None:
    """With prefixed keys and Unicode values; the bytes are deterministic."""
    picture = sheet_of(np.arange(6).reshape(2, 3), "nc").astype(np.uint8)[..., None].repeat(3, -1)
    texts = {"address": "Schicht – 層", "min": "-1.5"}
    content = png(picture, texts)
    assert content == png(picture, texts)
    with Image.open(io.BytesIO(content)) as image:
        np.testing.assert_array_equal(np.asarray(image), picture)
        assert image.text == {"layerscope:address": "Schicht – 層", "layerscope:min": "-1.5"}
