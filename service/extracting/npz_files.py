"""Files of NumPy's .npz in memory, without times: equal arrays are equal bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np

from models.tensors.dtypes import Array

EPOCH = (1980, 1, 1, 0, 0, 0)


def npz_bytes(arrays: Mapping[str, Array], is_compressed: bool = False) -> bytes:
    """Return an .npz with these arrays."""
    method = zipfile.ZIP_DEFLATED if is_compressed else zipfile.ZIP_STORED
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, array in arrays.items():
                member = zipfile.ZipInfo(f"{name}.npy", EPOCH)
                member.compress_type = method
                with archive.open(member, "w", force_zip64=True) as opened:
                    np.lib.format.write_array(
                        opened, np.ascontiguousarray(array) if array.ndim else array, allow_pickle=False
                    )
        return file.getvalue()


def read_npz_bytes(data: bytes) -> dict[str, Array]:
    """Return the arrays of an .npz that this program wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        return {name: found[name] for name in found}
