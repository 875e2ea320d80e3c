"""The lists of dtypes agree with each other."""

from __future__ import annotations

from typing import get_args

from models.documents.inputs import InputDType
from models.layers.fields import DType
from models.tensors.dtypes import DTYPES, SAFETENSORS_CODES
from models.weights import hdf5_process

POLICIES = {"mixed_float16", "mixed_bfloat16"}


def test_inputs_and_file_formats_have_the_same_dtypes() -> None:
    """All thirteen, in one order; HDF5 stores bfloat16 as opaque bytes."""
    names = list(DTYPES)
    assert len(names) == 13
    assert list(get_args(get_args(InputDType)[0])) == list(SAFETENSORS_CODES) == names
    assert set(hdf5_process.DTYPES) == set(names) - {"bfloat16"}


def test_layers_have_the_same_dtypes() -> None:
    """And mixed-precision policies, without uint64."""
    assert set(get_args(get_args(DType.__value__)[0])) == (set(DTYPES) - {"uint64"}) | POLICIES
