"""Spectrograms of sound, (batch, samples) or (batch, samples, channels)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from models.layers.faults import LayerFault, fault
from models.layers.fields import AnyCase, NonNegative, Padding
from models.layers.layer import Example, Layer
from models.layers.signal_windows import WindowName, window_values
from models.layers.sizes import Shape, least_size, size_of, sizes_of
from models.layers.spatial import Spatial, known_length

MAX_FRAME = 8192
"""Longest frame and transform: the kernels of a STFT hold frame × transform numbers."""
Frame = Annotated[int, Field(ge=2, le=MAX_FRAME)]
Step = Annotated[int, Field(ge=1, le=MAX_FRAME)]
WindowValues = Annotated[list[float], Field(min_length=1, max_length=MAX_FRAME)]


class STFTSpectrogram(Spatial):
    """Short-time Fourier transform as a convolution."""

    type: Literal["STFTSpectrogram"] = "STFTSpectrogram"
    example = Example({"frame_length": 8}, ((32, 1),))
    input_rank = 3
    spatial_rank: ClassVar[int] = 1
    mode: Annotated[Literal["log", "magnitude", "psd", "real", "imag", "angle", "stft"], AnyCase] = "log"
    frame_length: Frame = 256
    frame_step: Step | None = None
    fft_length: Frame | None = None
    window: WindowName | WindowValues | None = "hann"
    periodic: bool = False
    scaling: Annotated[Literal["density", "spectrum"], AnyCase] | None = "density"
    padding: Padding = "valid"
    expand_dims: bool = False

    @model_validator(mode="after")
    def _frame_fits(self) -> "STFTSpectrogram":
        if (self.frame_step or 1) > self.frame_length:
            raise fault("frame_step", "the frames must touch", f"a frame_step of at most {self.frame_length}")
        if self.fft_length is not None and self.fft_length < self.frame_length:
            raise fault("fft_length", "the transform is shorter than the frame", f"at least {self.frame_length}")
        if isinstance(self.window, list) and len(self.window) != self.frame_length:
            raise fault("window", "the window has another length than the frame", f"{self.frame_length} numbers")
        return self

    def arguments(self) -> dict[str, Any]:
        """Return the arguments with a named window written out: Keras would compute it with SciPy."""
        values = (
            window_values(self.window, self.frame_length, self.periodic)
            if isinstance(self.window, str)
            else self.window
        )
        return super().arguments() | {"window": values}

    def needs_lengths(self) -> bool:
        return True

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the sound is as long as a frame, and that its channels are known."""
        known_length(shapes[0], self.channel_axis())
        (length,) = self.spatial_shape(shapes[0])
        if self.padding == "valid" and length is not None and length < self.frame_length:
            raise LayerFault(
                "frame_length", "the frame is longer than the sound", f"at most {length}", str(self.frame_length)
            )

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The real and the imaginary part, and the result computed from both."""
        return 3 * sizes_of(outputs)

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output elements × frame, for the real and the imaginary part."""
        elements = size_of(outputs[0])
        parts = 1 if self.mode in ("real", "imag", "stft") else 2
        return None if elements is None else elements * self.frame_length * parts


class MelSpectrogram(Layer):
    """A spectrogram on the mel scale.

    With power_to_db, `top_db` is counted from the loudest value of the batch.
    """

    type: Literal["MelSpectrogram"] = "MelSpectrogram"
    example = Example({"fft_length": 16, "sequence_stride": 8, "num_mel_bins": 4}, ((64,),))
    passes = 6
    input_rank = 2
    fft_length: Frame = 2048
    sequence_stride: Step = 512
    sequence_length: Frame | None = None
    window: Annotated[Literal["hann", "hamming"], AnyCase] | WindowValues | None = "hann"
    sampling_rate: Annotated[int, Field(ge=1, le=10_000_000)] = 16_000
    num_mel_bins: Annotated[int, Field(ge=1, le=4096)] = 128
    min_freq: NonNegative = 20.0
    max_freq: Annotated[float, Field(gt=0)] | None = None
    power_to_db: bool = True
    top_db: NonNegative = 80.0
    mag_exp: NonNegative = 2.0
    min_power: Annotated[float, Field(gt=0)] = 1e-10
    ref_power: float = 1.0

    @model_validator(mode="after")
    def _lengths_and_frequencies(self) -> "MelSpectrogram":
        length = self.sequence_length or self.fft_length
        if length > self.fft_length:
            raise fault("sequence_length", "the transform is shorter than the frame", f"at most {self.fft_length}")
        if isinstance(self.window, list) and len(self.window) != length:
            raise fault("window", "the window has another length than the frame", f"{length} numbers")
        if self.min_freq >= (self.max_freq or self.sampling_rate / 2):
            raise fault("min_freq", "min_freq must be below max_freq", "a smaller min_freq or a larger max_freq")
        return self

    def mixes_batch(self) -> bool:
        """True in decibels: values are clipped at `top_db` below the loudest of all rows."""
        return self.power_to_db

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check the length: half a transform is mirrored at each end, and Keras must announce the right frames."""
        length = shapes[0][1]
        if length is None:
            return
        if length <= self.fft_length // 2:
            raise LayerFault(
                "fft_length", "the transform is too long for the sound", f"less than {2 * length}", str(self.fft_length)
            )
        announced = (length + self.sequence_stride + 1) // self.sequence_stride
        frames = 1 + (length - self.fft_length % 2) // self.sequence_stride
        if announced != frames:
            raise LayerFault(
                "sequence_stride",
                f"Keras announces {announced} frames for a sound of {length} samples and computes {frames}",
                "another number of samples, or another sequence_stride",
                str(self.sequence_stride),
                "post a sound that is one or two samples longer, with a sequence_stride of at least 3",
            )

    def inner(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int:
        """The overlapping frames and their complex transforms."""
        frames = least_size(outputs[0]) // self.num_mel_bins
        return 3 * frames * self.fft_length + sizes_of(outputs)

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """Output elements × frequencies: the product with the mel matrix. The Fourier transform counts none."""
        elements = size_of(outputs[0])
        return None if elements is None else elements * (self.fft_length // 2 + 1)
