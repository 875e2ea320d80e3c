"""Tensors: dtypes, file formats, parsers for JSON and files, and conversion to a declared input."""

from models.tensors.convert import converted
from models.tensors.dtypes import DTYPES, SAFETENSORS_CODES, dtype_named
from models.tensors.fit import fit
from models.tensors.forms import decode_base64, is_tensor_form, parse_tensor
from models.tensors.npy import read_npy
from models.tensors.npz import read_npz, unpacked_bytes
from models.tensors.safetensors import read_safetensors

__all__ = [
    "DTYPES",
    "SAFETENSORS_CODES",
    "converted",
    "decode_base64",
    "dtype_named",
    "fit",
    "is_tensor_form",
    "parse_tensor",
    "read_npy",
    "read_npz",
    "read_safetensors",
    "unpacked_bytes",
]
