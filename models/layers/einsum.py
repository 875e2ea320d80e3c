"""EinsumDense: a dense layer defined by an Einstein summation."""

from math import prod
from typing import Annotated, Literal

from pydantic import Field, model_validator

from models.layers.activated import Activated
from models.layers.constraints import AnyConstraint
from models.layers.einsum_equation import Equation, EquationText
from models.layers.faults import LayerFault, fault
from models.layers.fields import Length, OneOrSeveral
from models.layers.fixed_values import NoAdapter, NoQuantization
from models.layers.initializers import AnyInitializer, GlorotUniform, Zeros
from models.layers.layer import Example, Windows
from models.layers.pointwise import pointwise
from models.layers.regularizers import AnyRegularizer
from models.layers.sizes import Shape, size_of
from models.layers.spatial import shape_text
from models.limits import MAX_RANK


class EinsumDense(Activated):
    """Multiplies by a learned tensor along the axes that an Einstein summation names."""

    type: Literal["EinsumDense"] = "EinsumDense"
    example = Example({"equation": "abc,cd->abd", "output_shape": [None, 6], "bias_axes": "d"}, ((5, 4),))
    input_rank = tuple(range(2, MAX_RANK + 1))
    equation: EquationText
    output_shape: Annotated[
        Length | Annotated[list[Length | None], Field(min_length=1, max_length=MAX_RANK - 1)], OneOrSeveral
    ]
    bias_axes: Annotated[str, Field(min_length=1, max_length=MAX_RANK)] | None = None
    kernel_initializer: AnyInitializer = GlorotUniform()
    bias_initializer: AnyInitializer = Zeros()
    kernel_regularizer: AnyRegularizer | None = None
    bias_regularizer: AnyRegularizer | None = None
    kernel_constraint: AnyConstraint | None = None
    bias_constraint: AnyConstraint | None = None
    lora_rank: NoAdapter = None
    lora_alpha: NoAdapter = None
    gptq_unpacked_column_size: NoQuantization = None
    quantization_config: NoQuantization = None

    def parsed(self) -> Equation:
        """Return the parsed equation, whose form is already validated."""
        parsed = Equation.parse(self.equation)
        assert parsed is not None  # noqa: S101 - the field's validator refuses anything else
        return parsed

    def output_lengths(self) -> dict[str, int | None]:
        """Return the lengths in `output_shape`, by letter."""
        lengths = [self.output_shape] if isinstance(self.output_shape, int) else self.output_shape
        return dict(zip(self.parsed().free_letters(), lengths, strict=True))

    @model_validator(mode="after")
    def _output_shape_matches(self) -> "EinsumDense":
        """Check that `output_shape` has one length per letter, and a number wherever the weights need one."""
        letters = self.parsed().free_letters()
        count = 1 if isinstance(self.output_shape, int) else len(self.output_shape)
        if count != len(letters):
            raise fault("output_shape", "output_shape has the wrong number of axes", f"a length for each of {letters}")
        needed = set(self.parsed().kernel) | set(self.bias_axes or "") | (set(letters) - set(self.parsed().inputs))
        missing = [letter for letter, length in self.output_lengths().items() if length is None and letter in needed]
        if missing:
            raise fault("output_shape", "the weights need a length here", f"a number for {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _bias_is_in_the_output(self) -> "EinsumDense":
        letters = self.parsed().free_letters()
        axes = self.bias_axes or ""
        if set(axes) - set(letters) or len(set(axes)) < len(axes):
            raise fault("bias_axes", "bias_axes must be letters of the output", f"different letters of {letters}")
        return self

    def check_shapes(self, shapes: tuple[Shape, ...]) -> None:
        """Check that the input has the equation's axes, with the lengths that `output_shape` repeats."""
        equation, rank = self.parsed(), len(shapes[0])
        least = len(equation.inputs) + (equation.ellipsis == "left")
        if rank < least or (rank > least and equation.ellipsis is None):
            expected = f"{'at least ' if equation.ellipsis else ''}{least} axes, the batch included"
            raise LayerFault("equation", "the input does not have the equation's axes", expected, shape_text(shapes[0]))
        lengths, _ = equation.split(shapes[0], equation.inputs)
        for letter, length in self.output_lengths().items():
            if letter in lengths and length is not None and length != lengths[letter]:
                self._refuse_length(letter, length, lengths[letter])
        for letter in equation.kernel:
            if letter in lengths and lengths[letter] is None:
                self._refuse_length(letter, "a number", None)

    def output_shapes(self, shapes: tuple[Shape, ...], announced: tuple[Shape, ...]) -> tuple[Shape, ...]:
        """Fill a null in `output_shape` with the length of the input's axis of the same letter."""
        lengths, _ = self.parsed().split(shapes[0], self.parsed().inputs)
        letters, filled = self.parsed().free_letters(), list(announced[0])
        first = 1 if self.parsed().ellipsis == "right" else len(filled) - len(letters)
        for axis, letter in enumerate(letters, first):
            filled[axis] = lengths.get(letter) if filled[axis] is None else filled[axis]
        return (tuple(filled),)

    def _refuse_length(self, letter: str, expected: object, received: int | None) -> None:
        message = f"axis {letter} of the input does not have the length that the layer needs"
        raise LayerFault("output_shape", message, f"{expected} along {letter}", f"{received} along {letter}")

    def macs(self, shapes: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> int | None:
        """The product of the lengths of all letters, and of the axes that `...` covers."""
        if size_of(shapes[0]) is None:
            return None
        lengths, covered = self.parsed().split(shapes[0], self.parsed().inputs)
        return prod(length or 1 for length in (*(self.output_lengths() | lengths).values(), *covered))

    def windows(self, shape: Shape) -> Windows:
        return pointwise(shape) if self.parsed().keeps_positions() else None
