from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from models.errors import InvalidImage, InvalidOption, InvalidTensor, TooLarge
from models.images import image_bytes, read_image, stack

RAMP = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10
FREE = (None, None, None)
CORNERS = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}
"""Where a viewer shows the first stored pixel, as (bottom, right), by EXIF orientation."""


def file_of(picture, format="PNG", **options):
    """Encode an array or a Pillow image as a file."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def read(data, shape=FREE, resize="none", scale="none", max_pixels=10_000):
    """Call `read_image` with defaults that change nothing."""
    return read_image(data, shape, resize=resize, scale=scale, max_pixels=max_pixels)


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_keep_their_pixels(format):
    """0 to 255 as float32, in the order height, width, channels."""
    array, account = read(file_of(RAMP, format))
    assert (array.dtype, array.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_array_equal(array, RAMP)
    assert account == {
        "format": format, "original_size": [2, 4], "size": [2, 4], "orientation_applied": False,
        "mode": "RGB", "channels": 3, "resize": "none", "scale": "none",
    }  # fmt: skip


@pytest.mark.parametrize("format", ["WEBP", "JPEG", "AVIF", "GIF"])
def test_lossy_formats_are_decoded(format):
    """A flat color survives within the compression error."""
    array, account = read(file_of(np.full((8, 8, 3), 200, np.uint8), format))
    np.testing.assert_allclose(array, 200, atol=2)
    assert (account["format"], array.shape) == (format, (8, 8, 3))


def test_unlisted_formats_are_rejected():
    """Although Pillow could read them."""
    with pytest.raises(InvalidImage) as caught:
        read(file_of(RAMP, "PPM"))
    assert "PNG, JPEG, WEBP" in caught.value.problems[0].expected


@pytest.mark.parametrize(("format", "side"), [("PNG", 16), ("BMP", 18)])
def test_a_picture_without_pixels_is_no_unknown_format(format, side):
    """Its width is 0 in the header, which Pillow does not identify."""
    data = bytearray(file_of(RAMP, format))
    data[side : side + 4] = bytes(4)
    with pytest.raises(InvalidImage) as caught:
        read(bytes(data))
    problem = caught.value.problems[0]
    assert (problem.message, problem.expected) == (
        "the picture is damaged or cut short", f"a whole {format} file of 1 pixel or more"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 100, ([100], [100], [100] * 3, [100, 100, 100, 255])),
        ("1", 1, ([255], [255], [255] * 3, [255] * 4)),
        ("LA", (100, 30), ([100, 100, 100, 30], [100], [100] * 3, [100, 100, 100, 30])),
        ("RGB", (255, 0, 0), ([255, 0, 0], [76], [255, 0, 0], [255, 0, 0, 255])),
        ("RGBA", (0, 255, 0, 40), ([0, 255, 0, 40], [150], [0, 255, 0], [0, 255, 0, 40])),
    ],
)
def test_modes_are_converted_to_the_input_channels(mode, colour, expected):
    """Luma of ITU-R 601; alpha is kept, dropped or added, never blended."""
    data = file_of(Image.new(mode, (2, 2), colour))
    for channels, pixel in zip((None, 1, 3, 4), expected, strict=True):
        array, account = read(data, (None, None, channels))
        np.testing.assert_array_equal(array, np.broadcast_to(np.float32(pixel), (2, 2, len(pixel))))
        assert account["channels"] == len(pixel)


def test_palettes_are_converted_with_transparency():
    """One transparent entry makes the image RGBA."""
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    opaque, account = read(file_of(image))
    assert opaque.tolist() == [[[10, 20, 30], [40, 50, 60]]]
    assert "alpha" not in account
    array, account = read(file_of(image, transparency=bytes([255, 0])))
    assert array.tolist() == [[[10, 20, 30, 255], [40, 50, 60, 0]]]
    assert account["alpha"] == "kept"
    assert read(file_of(image, transparency=bytes([255, 0])), (None, None, 3))[1]["alpha"] == "dropped"


def test_a_transparent_color_becomes_alpha():
    """PNG's tRNS for grayscale and RGB."""
    array, _ = read(file_of(RAMP, transparency=(0, 10, 20)))
    assert array[0, 0].tolist() == [0, 10, 20, 0]
    assert array[0, 1].tolist() == [30, 40, 50, 255]


def test_cmyk_is_converted_to_rgb():
    """Pure cyan has no red."""
    array, account = read(file_of(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "TIFF"))
    np.testing.assert_array_equal(array, np.broadcast_to(np.float32([0, 255, 255]), (8, 8, 3)))
    assert account["mode"] == "CMYK"


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_gray_keeps_its_range(format):
    """Scaled to 0…255 without rounding; Pillow's conversion would clamp."""
    deep = np.array([[0, 1, 257], [32768, 65534, 65535]], np.uint16)
    array, account = read(file_of(deep, format))
    np.testing.assert_allclose(array[..., 0], deep / 257, rtol=1e-6)
    assert account["range"] == "0…65535 to 0…255"
    wide, _ = read(file_of(deep, format), (None, None, 4))
    np.testing.assert_array_equal(wide[..., 1], array[..., 0])
    assert set(wide[..., 3].flat) == {255}


def test_float_images_are_rejected():
    """A 32-bit float TIFF has no fixed range."""
    with pytest.raises(InvalidImage, match="no fixed range"):
        read(file_of(np.zeros((2, 2), np.float32), "TIFF"))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(format, orientation):
    """All eight: the marked corner is where a viewer shows it."""
    stored = np.zeros((16, 32), np.uint8)
    stored[:8, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    data = file_of(Image.fromarray(stored).convert("RGB"), format, exif=exif, **options)
    array, account = read(data, (None, None, 1))
    assert array.shape == ((32, 16, 1) if orientation >= 5 else (16, 32, 1))
    bright = array[..., 0] > 128
    rows, columns = np.nonzero(bright)
    corner = (int(rows.mean() > bright.shape[0] / 2), int(columns.mean() > bright.shape[1] / 2))
    assert corner == CORNERS[orientation]
    assert account["orientation_applied"] is (orientation > 1)
    assert account["original_size"] == list(array.shape[:2])


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_corrupt_exif_block_is_ignored():
    """As in every viewer."""
    array, account = read(file_of(np.zeros((8, 8, 3), np.uint8), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff"))
    assert (array.shape, account["orientation_applied"]) == ((8, 8, 3), False)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_is_decoded(format):
    """And reported."""
    first, second = (Image.new("RGB", (4, 4), colour) for colour in ("white", "black"))
    array, account = read(file_of(first, format, save_all=True, append_images=[second]), (4, 4, 3))
    np.testing.assert_allclose(array, 255, atol=1)
    assert account["frame"] == 0


def test_bilinear_is_pillows_antialiased_filter():
    """Without rounding: half the size averages with a triangle filter."""
    array, account = read(file_of(RAMP), (1, 2, 3), resize="bilinear")
    channels = np.float32(RAMP).transpose(2, 0, 1)
    planes = [Image.fromarray(channel).resize((2, 1), Image.Resampling.BILINEAR) for channel in channels]
    np.testing.assert_array_equal(array, np.stack(planes, -1))
    assert (array % 1).any()
    assert (account["original_size"], account["size"], account["resize"]) == ([2, 4], [1, 2], "bilinear")


def test_bilinear_upscaling_interpolates():
    """Two pixels to four: the weights are 1, 3/4, 1/4, 0."""
    array, _ = read(file_of(np.array([[0, 100]], np.uint8)), (1, 4, 1), resize="bilinear")
    assert array[0, :, 0].tolist() == [0, 25, 75, 100]


def test_nearest_repeats_pixels():
    """It adds no new values."""
    array, account = read(file_of(np.array([[0, 100]], np.uint8)), (2, 4, 1), resize="nearest")
    assert array[..., 0].tolist() == [[0, 0, 100, 100]] * 2
    assert account["resize"] == "nearest"


def test_an_image_of_the_input_size_is_not_resized():
    """This is reported as `none`."""
    array, account = read(file_of(RAMP), (2, 4, 3), resize="bilinear")
    np.testing.assert_array_equal(array, RAMP)
    assert account["resize"] == "none"


def test_free_dimensions_keep_the_image_size():
    """Only the fixed height changes."""
    assert read(file_of(RAMP), (6, None, 3), resize="nearest")[0].shape == (6, 4, 3)


def test_resize_none_rejects_other_sizes():
    """Expected and received sizes are in pixels."""
    with pytest.raises(InvalidImage) as caught:
        read_image(file_of(RAMP), (28, 28, 3), resize="none", scale="none", max_pixels=1000, pointer="/image")
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.expected, problem.received) == (
        "/image", "28 × 28 pixels (height × width)", "2 × 4 pixels",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ("none", [0, 51, 255]),
        ("unit", [0, 0.2, 1]),
        ("signed", [-1, -0.6, 1]),
        ("caffe", [255 - 103.939, 51 - 116.779, -123.68]),
        ("torch", [-0.485 / 0.229, (0.2 - 0.456) / 0.224, (1 - 0.406) / 0.225]),
    ],
)
def test_scales_match_keras_applications(scale, expected):
    """imagenet_utils.preprocess_input for the pixel (0, 51, 255)."""
    array, account = read(file_of(np.uint8([[[0, 51, 255]]])), scale=scale)
    np.testing.assert_allclose(array[0, 0], expected, rtol=1e-6)
    assert (array.dtype, array.flags.c_contiguous, account["scale"]) == (np.float32, True, scale)


@pytest.mark.parametrize("scale", ["caffe", "torch"])
def test_imagenet_scales_need_three_channels(scale):
    """Their means are of red, green and blue."""
    with pytest.raises(InvalidOption) as caught:
        read(file_of(RAMP), (None, None, 1), scale=scale)
    assert caught.value.problems[0].pointer == "/scale"


@pytest.mark.parametrize("channels", [2, 5])
def test_inputs_of_other_channels_reject_images(channels):
    """A tensor can be sent instead."""
    with pytest.raises(InvalidImage, match=f"no {channels} channels"):
        read(file_of(RAMP), (2, 4, channels))


def test_inputs_of_another_rank_reject_images():
    """A vector of 784 is not assumed to be 28 × 28."""
    with pytest.raises(InvalidImage, match="not one for pictures"):
        read(file_of(RAMP), (784,))


def test_the_pixel_limit_applies_to_file_and_resizing():
    """It is inclusive; the message contains the sizes."""
    assert read(file_of(RAMP), max_pixels=8)[0].shape == (2, 4, 3)
    with pytest.raises(TooLarge) as caught:
        read(file_of(RAMP), max_pixels=7)
    assert caught.value.problems[0].received == "2 × 4 = 8 pixels"
    with pytest.raises(TooLarge, match="resizing"):
        read(file_of(RAMP), (100, 100, 3), resize="bilinear", max_pixels=9_999)
    with pytest.raises(TooLarge, match="resizing"):
        read(file_of(np.zeros((4000, 1), np.uint8)), (1, 4000, 1), resize="bilinear", max_pixels=10_000)


def test_images_of_one_size_are_stacked():
    """In the order sent."""
    batch = stack([np.full((2, 3, 1), value, np.float32) for value in (1, 2)])
    assert (batch.shape, batch[:, 0, 0, 0].tolist()) == ((2, 2, 3, 1), [1, 2])


def test_images_of_different_sizes_are_not_stacked():
    """The error contains the position in the batch."""
    with pytest.raises(InvalidImage) as caught:
        stack([np.zeros((2, 3, 1)), np.zeros((2, 3, 1)), np.zeros((3, 3, 1))], "/image")
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.expected, problem.received) == (
        "/image", "(2, 3, 1) as the first", "(3, 3, 1) at picture 2",
    )  # fmt: skip
    with pytest.raises(InvalidImage, match="there is no picture"):
        stack([])


def test_data_urls_are_base64():
    """As produced by a browser's canvas."""
    assert image_bytes("AAEC", "/image") == image_bytes("data:image/png;base64,AAEC", "/image") == b"\x00\x01\x02"
    with pytest.raises(InvalidTensor):
        image_bytes("data:image/png,AAEC", "/image")


def test_an_undeclared_input_takes_the_shape_of_the_image():
    """Height, width and channels."""
    assert read(file_of(RAMP), None)[0].shape == (2, 4, 3)
