"""Recurrent cells: one step of a recurrence, held only by RNN and StackedRNNCells."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.layers.activation_names import FusedActivation
from models.layers.constraints import AnyConstraint
from models.layers.fields import Features, Rate, SeedNumber
from models.layers.held import Held
from models.layers.initializers import AnyInitializer, GlorotUniform, Orthogonal, Zeros
from models.layers.layer import Example, Layer
from models.layers.regularizers import AnyRegularizer


class Recurrence(Layer):
    """Base of recurrent layers and their cells: `gates` matrices from the input and from the state."""

    gates: ClassVar[int] = 1
    """Matrix products with the input, and as many with the state, in one step."""
    state_count: ClassVar[int] = 1
    """State tensors that one step passes to the next."""

    activation: FusedActivation = "tanh"
    use_bias: bool = True
    kernel_initializer: AnyInitializer = GlorotUniform()
    recurrent_initializer: AnyInitializer = Orthogonal()
    bias_initializer: AnyInitializer = Zeros()
    kernel_regularizer: AnyRegularizer | None = None
    recurrent_regularizer: AnyRegularizer | None = None
    bias_regularizer: AnyRegularizer | None = None
    kernel_constraint: AnyConstraint | None = None
    recurrent_constraint: AnyConstraint | None = None
    bias_constraint: AnyConstraint | None = None
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0
    seed: SeedNumber | None = None


class DenseRecurrence(Recurrence):
    """Base of recurrences over vectors."""

    units: Features

    def step_macs(self, features: int) -> int:
        """Return the multiply-adds of one step of one row."""
        return self.gates * self.units * (features + self.units)


class Cell(DenseRecurrence):
    """Base of cells: one step of a recurrence."""

    standalone = False


class SimpleRNNCell(Cell):
    """One step of SimpleRNN."""

    type: Literal["SimpleRNNCell"] = "SimpleRNNCell"
    example = Example({"units": 4}, ((8,),))


class GRUCell(Cell):
    """One step of GRU."""

    type: Literal["GRUCell"] = "GRUCell"
    example = Example({"units": 4}, ((8,),))
    gates = 3
    recurrent_activation: FusedActivation = "sigmoid"
    reset_after: bool = True


class LSTMCell(Cell):
    """One step of LSTM."""

    type: Literal["LSTMCell"] = "LSTMCell"
    example = Example({"units": 4}, ((8,),))
    gates = 4
    state_count = 2
    recurrent_activation: FusedActivation = "sigmoid"
    unit_forget_bias: bool = True


OneCell = Annotated[SimpleRNNCell | GRUCell | LSTMCell, Field(discriminator="type"), Held]
Cells = Annotated[list[OneCell], Field(min_length=1, max_length=64)]


class StackedRNNCells(Layer):
    """Cells applied in order within every step."""

    type: Literal["StackedRNNCells"] = "StackedRNNCells"
    example = Example({"cells": [{"type": "LSTMCell", "units": 4}, {"type": "GRUCell", "units": 3}]}, ((8,),))
    standalone = False
    cells: Cells

    @property
    def state_count(self) -> int:
        """State tensors that one step passes to the next."""
        return sum(cell.state_count for cell in self.cells)

    def step_macs(self, features: int) -> int:
        """Return the multiply-adds of one step of one row."""
        return cells_macs(self.cells, features)


AnyCell = Annotated[SimpleRNNCell | GRUCell | LSTMCell | StackedRNNCells, Field(discriminator="type"), Held]


def cells_macs(cells: list[OneCell], features: int) -> int:
    """Return the multiply-adds of one step through a chain of cells, each reading the units of the previous one."""
    widths = [features, *(cell.units for cell in cells)]
    return sum(cell.step_macs(width) for cell, width in zip(cells, widths, strict=False))
