"""Descriptions of models in the protocol: metadata, and Triton's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from models.networks.network import Network
from models.tensors.dtypes import DTYPES
from service.handlers.planning import plan_of
from service.open_inference.codec import DATATYPES
from service.open_inference.schemas import ConfiguredTensor, ModelConfiguration, ModelMetadata, TensorMetadata
from service.registry.checkout import CheckedOutModel
from service.registry.statistics import VERSION
from service.state import State

MAX_BATCH = 2**31 - 1
UNKNOWN = "float32", (None,)
"""Dtype and shape of tensors that depend on the request; the protocol cannot express an unknown rank."""


async def metadata(state: State, name: str, checked_out: CheckedOutModel) -> ModelMetadata:
    """Return the inputs and outputs with their shapes; an engine plans those of the outputs."""
    network = checked_out.network
    inputs = [_tensor(input_name, spec.dtype, (None, *spec.shape)) for input_name, spec in network.inputs.items()]
    return ModelMetadata(
        name=name, versions=[VERSION], inputs=inputs or [_tensor("input", *UNKNOWN)],
        outputs=await _outputs(state, checked_out),
    )  # fmt: skip


async def _outputs(state: State, checked_out: CheckedOutModel) -> list[TensorMetadata]:
    network = checked_out.network
    if not network.inputs:
        return [_tensor(address, *UNKNOWN) for address in network.outputs]
    plan = await plan_of(state.engines, network, None, list(network.outputs))
    return [_tensor(row["address"], row["dtype"], row["shape"]) for row in plan["layers"]]


def _tensor(name: str, dtype: str, shape: Sequence[int | None]) -> TensorMetadata:
    axes = [-1 if length is None else length for length in shape]
    return TensorMetadata(name=name, datatype=DATATYPES[dtype], shape=axes)


async def configuration(state: State, name: str, checked_out: CheckedOutModel) -> ModelConfiguration:
    """Return the metadata without the batch dimension; the limit of bytes of a request's inputs bounds the batch."""
    model_metadata = await metadata(state, name, checked_out)
    return ModelConfiguration(
        name=name,
        max_batch_size=_largest_batch(checked_out.network, int(state.settings.max_input_bytes)),
        input=[_configured(tensor) for tensor in model_metadata.inputs],
        output=[_configured(tensor) for tensor in model_metadata.outputs],
    )


def _configured(tensor: TensorMetadata) -> ConfiguredTensor:
    return ConfiguredTensor(name=tensor.name, data_type=f"TYPE_{tensor.datatype}", dims=tensor.shape[1:] or [1])


def _largest_batch(network: Network, limit: int) -> int:
    """Return the largest batch within the limit of bytes; free dimensions count as 1."""
    sample = sum(prod(length or 1 for length in spec.shape) * DTYPES[spec.dtype].itemsize
                 for spec in network.inputs.values())  # fmt: skip
    return max(1, min(MAX_BATCH, limit // (sample or 1)))
