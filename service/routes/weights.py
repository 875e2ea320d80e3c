"""Download and upload of the weights of registered models."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from models.errors import (
    InvalidDocument,
    InvalidOption,
    InvalidTensor,
    InvalidWeights,
    Superseded,
    Unacceptable,
)
from models.files.signatures import START_BYTES
from models.weights.read import ADVICE
from service.errors.handlers import raises
from service.handlers.registration import UploadedFile, put_weights
from service.handlers.weights import fetch_weights
from service.openapi.bodies import weights_body
from service.openapi.errors import BODY_ERRORS, CHANGE_ERRORS, ENGINE_ERRORS, MODEL_ERRORS
from service.openapi.replies import IF_NONE_MATCH, REGISTERED, weights_replies
from service.options.field_names import WEIGHTS
from service.options.pictures import PictureOptions
from service.registry.checkout import checkout
from service.registry.lookup import find_entry
from service.requests.body import is_json, media_type, unsupported
from service.requests.layer_paths import layer_paths
from service.requests.multipart import MULTIPART
from service.requests.upload import Upload, receive_upload
from service.requests.upload_parts import is_weights_file
from service.responses.picture import weights_picture_options
from service.responses.weights import WeightsFormat
from service.routes.parameters import Reference, put_response
from service.state import StateOf
from service.wire.formats import PNG, WEIGHT_FORMATS
from service.wire.json_values import DataMode
from service.wire.negotiation import negotiate

router = APIRouter(tags=["weights"])

Data = Annotated[DataMode, Query(description="How arrays are written in JSON.")]
FormatName = Annotated[
    str | None,
    Query(description="`json`, `npz`, `safetensors`, `npy` (of one tensor), `jsonl` or `png`; overrides Accept."),
]


async def _weights_format(
    request: Request,
    picture: Annotated[PictureOptions, Depends(weights_picture_options)],
    data: Data = "nested",
    format: FormatName = None,
) -> WeightsFormat:
    negotiated = negotiate(request.headers.get("accept"), format, WEIGHT_FORMATS)
    if negotiated is not PNG:
        picture.refuse_if_set()
    return WeightsFormat(negotiated, data, picture.style())


WeightsFormatOf = Annotated[WeightsFormat, Depends(_weights_format)]


@router.get(
    "/v1/models/{name}/weights",
    summary="All weights",
    responses=raises(*MODEL_ERRORS, InvalidDocument, InvalidOption, Unacceptable, *ENGINE_ERRORS) | weights_replies(),
    openapi_extra=IF_NONE_MATCH,
)
async def get_weights(request: Request, state: StateOf, name: Reference, output: WeightsFormatOf) -> Response:
    """Every layer's weights, in `get_weights()` order."""
    async with checkout(state.store, name) as checked_out:
        return await fetch_weights(request, state, checked_out, None, output)


@router.get(
    "/v1/models/{name}/layers/{address:path}/weights",
    summary="One layer's weights",
    responses=raises(*MODEL_ERRORS, InvalidDocument, InvalidOption, Unacceptable, *ENGINE_ERRORS) | weights_replies(),
    openapi_extra=IF_NONE_MATCH,
)
async def get_layer_weights(
    request: Request,
    state: StateOf,
    name: Reference,
    address: Annotated[str, Path(examples=["dense"])],
    output: WeightsFormatOf,
) -> Response:
    """One layer's weights, or those of all layers in a block."""
    async with checkout(state.store, name) as checked_out:
        return await fetch_weights(request, state, checked_out, layer_paths(checked_out.network, address), output)


@router.put(
    "/v1/models/{name}/weights",
    summary="Give a model other weights",
    responses=raises(*MODEL_ERRORS, *BODY_ERRORS, InvalidDocument, InvalidOption, InvalidWeights, InvalidTensor,
                     *CHANGE_ERRORS, Superseded, *ENGINE_ERRORS) | {200: REGISTERED[200]},
    openapi_extra=weights_body(),
)  # fmt: skip
async def put_model_weights(request: Request, state: StateOf, name: Reference) -> Response:
    """Takes a .safetensors, .npz, .h5 or .keras file or an archive of a SavedModel; the name moves to the new model,
    which has a new id.
    """
    entry = await find_entry(state.store, name)
    if entry.name != name:
        raise InvalidOption.at(
            "/name",
            "models of an id do not change",
            expected="a name",
            received="an id",
            suggestion=f"write {entry.name}",
        )
    state.store.require_changeable(name)
    architecture = await run_in_threadpool(state.store.architecture, entry)  # its weights may be damaged
    async with receive_upload(request, state.settings, state.store.scratch, state.uploads) as upload:
        _check_type(request, upload)
        if upload.weights is None or upload.model is not None or upload.labels is not None:
            expected, received = f"one part, {WEIGHTS}", "labels" if upload.model is None else "a model"
            raise InvalidOption.at("", "this form has other parts", expected=expected, received=received)
        file = UploadedFile(upload.weights, upload.pointer)
        return put_response(await put_weights(state, name, architecture.network, file, entry))


def _check_type(request: Request, upload: Upload) -> None:
    """Raise UnsupportedMedia for a JSON media type unless the bytes are a weights file; other types are sniffed."""
    if upload.weights is None or not (media_type(request) and is_json(request)):
        return
    with upload.weights.open("rb") as file:
        start = file.read(START_BYTES)
    if not is_weights_file(start):
        raise unsupported(request, "application/octet-stream", MULTIPART, body=start, advice=ADVICE)
