"""Parsing of the form of an activation request: files, inputs by name, model and options."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.datastructures import FormData, UploadFile

from models.documents.document import DOCUMENT_FIELDS
from models.documents.validation import unknown_name
from models.errors import InvalidOption, LayerscopeError, Problem
from models.errors.problem import pointer_to
from models.errors.suggestions import Words
from models.files.mistaken_text import text_advice
from models.files.not_json import ADVICE
from models.files.signatures import JSON, TEXT, FileKind, Role
from models.files.unsupported import Advice, kind_of_data
from models.images import image_bytes
from models.limits import NAME
from service.options.activation import BRACKETS
from service.options.field_names import INPUTS, MODEL, WEIGHTS
from service.options.foreign_names import IN_FORM
from service.requests.binding import FILE_FIELDS, PART
from service.requests.body import BYTES, THREAD_BYTES, parse_json
from service.requests.decode_memory import MemoryShare
from service.requests.payload import InputPayload

DATA_URL = b"data:image/"
FILES = (Role.PICTURE, Role.TENSORS)
"""Roles of files that are input under any field name."""
MODEL_ADVICE: Advice = {
    **ADVICE,
    Role.TENSORS: "weights come with PUT /v1/models/{name}, as the part weights beside model",
}
WEIGHTS_ADVICE = "weights are a part of PUT /v1/models/{name}, beside model; POST /v1/models/{name}/activations runs it"


@dataclass(frozen=True)
class Part:
    """Content of one part of the form, and whether it was sent as a file, with a filename."""

    data: bytes
    is_file: bool


@dataclass(frozen=True)
class ActivationForm:
    """Parsed form; `options` are unparsed texts, by name."""

    payload: InputPayload
    model: Any = None
    options: list[tuple[str, str]] = field(default_factory=list)


async def read_form(form: FormData, words: Words, share: MemoryShare) -> ActivationForm:
    """Classify the parts: `model`, `inputs`, `inputs.<name>`, files; any other field is an option. An image or a tensor
    file is input under any name. `words` are the fields that the form may have.

    Raises:
        Unparsable, TooLarge, InvalidOption, InvalidTensor: with a pointer to the part.
        Overloaded: there is no memory for the decoded parts.
    """
    parts = await _parts(form)
    size = sum(len(part.data) for group in parts.values() for part in group)
    return await share.run(_classify, parts, words, share, on_thread=size > THREAD_BYTES)


def _classify(parts: dict[str, list[Part]], words: Words, share: MemoryShare) -> ActivationForm:
    named = {name.removeprefix(PART): _bytes(group, name) for name, group in parts.items() if name.startswith(PART)}
    files = {name: _bytes(group, name) for name, group in parts.items() if _are_input_files(name, group)}
    model = _model(parts[MODEL], share) if MODEL in parts else None
    inputs = _json(parts[INPUTS], INPUTS, share, inputs="") if INPUTS in parts and INPUTS not in files else None
    handled = {MODEL, INPUTS, *files, *(PART + name for name in named)}
    options = [(name, _text(part, name, words)) for name in parts if name not in handled for part in parts[name]]
    return ActivationForm(InputPayload(inputs, files, named), model, options)


async def _parts(form: FormData) -> dict[str, list[Part]]:
    """Return the parts by name without trailing brackets; a browser's empty part for a file not chosen is left out."""
    parts: dict[str, list[Part]] = {}
    for name, part in form.multi_items():
        data = part.encode(BYTES) if isinstance(part, str) else await part.read()
        if data or isinstance(part, str) or part.filename:
            parts.setdefault(BRACKETS.sub("", name), []).append(Part(data, isinstance(part, UploadFile)))
    return parts


def _are_input_files(name: str, parts: list[Part]) -> bool:
    """Whether these are images or a tensor file for an input."""
    if name in FILE_FIELDS:
        return True
    if name in (MODEL, WEIGHTS) or name.startswith(PART):
        return False
    return all(_is_input(part) for part in parts)


def _is_input(part: Part) -> bool:
    if part.data.startswith(DATA_URL):
        return True
    kind = kind_of_data(part.data) if part.is_file else None
    return kind is not None and kind.role in FILES


def _bytes(parts: Iterable[Part], name: str) -> tuple[bytes, ...]:
    """Return the contents of the files, with data URLs decoded."""
    return tuple(
        image_bytes(part.data.decode(BYTES), pointer_to([name])) if part.data.startswith(DATA_URL) else part.data
        for part in parts
    )


def _single(parts: list[Part], name: str, advice: str | None = None) -> bytes:
    if len(parts) > 1:
        raise InvalidOption.at(
            f"/{name}", f"{name} is given twice", expected="one part", received=f"{len(parts)} parts", suggestion=advice
        )
    return parts[0].data


def _json(parts: list[Part], name: str, share: MemoryShare, advice: Advice = ADVICE, inputs: str | None = None) -> Any:
    data = _single(parts, name)
    try:
        return parse_json(data, name, advice, inputs, share.claim_json)
    except LayerscopeError as error:
        raise error.under(f"/{name}") from None


def _model(parts: list[Part], share: MemoryShare) -> Any:
    """Return the document, or a word in its place, which is looked up later."""
    words = [part.data.decode(BYTES) for part in parts]
    if len(parts) > 1 and all(word in DOCUMENT_FIELDS for word in words):
        _single(parts, MODEL, "these are the names in a dictionary: send json.dumps(document)")
    if len(parts) == 1 and NAME.fullmatch(words[0].strip()) and text_advice(parts[0].data) is None:
        return words[0].strip()
    return _json(parts, MODEL, share, MODEL_ADVICE)


def _text(part: Part, name: str, words: Words) -> str:
    """Return the text of an option.

    Raises:
        InvalidOption: it is not text, or a file that this field does not accept.
    """
    kind = kind_of_data(part.data) if part.is_file else None
    is_text, is_option = kind in (None, TEXT, JSON), name in words.fields[""]
    is_file_like = part.is_file or text_advice(part.data) is not None
    if is_text if is_option else not is_file_like:
        return _decoded(part.data, name)
    raise InvalidOption("", [_misnamed(part, name, kind, words)])


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise InvalidOption.at(
            pointer_to([name]), f"{name} is not text", expected="UTF-8 text", received="other bytes"
        ) from None


def _misnamed(part: Part, name: str, kind: FileKind | None, words: Words) -> Problem:
    """Return the problem of a file in a field that does not accept it."""
    problem = unknown_name(pointer_to([name]), name, list(words.fields[""]), None, IN_FORM)
    received = f"{kind.name if kind is not None else 'a file'} of {len(part.data):,} bytes"
    if name == WEIGHTS:
        return Problem("/weights", "weights do not come with a run", "true or false", received, WEIGHTS_ADVICE)
    if kind is JSON:
        return replace(problem, received=received, suggestion="write model for a document, inputs for tensors")
    advice = text_advice(part.data) or (kind.advice if kind is not None else None)
    return replace(problem, received=received, suggestion=advice or problem.suggestion)
