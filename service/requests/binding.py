"""Binding of the parts of a payload to the network's inputs: by name, or to the only input left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from models.documents.inputs import InputSpec
from models.errors import InvalidTensor, Problem, did_you_mean, shown
from models.errors.problem import MAX_PROBLEMS, pointer_to
from models.tensors import is_tensor_form
from service.options.field_names import IMAGE, INPUTS, TENSOR
from service.requests.decoder import UNNAMED, InputDecoder
from service.requests.input_checks import check_alone
from service.requests.payload import DecodedInput, InputPayload, is_image_file, is_tensor_file

PART = f"{INPUTS}."
"""Prefix of the names of a form's parts for one input: `inputs.left`."""
FILE_FIELDS = (IMAGE, TENSOR)
"""Fields of files for the input that is left; a field of another name may be that of its input."""


@dataclass(frozen=True)
class InputPart:
    """Part of a payload: the name of its input (None without one), its JSON pointer, and its decoder."""

    name: str | None
    pointer: str
    read: Callable[[InputSpec | None], DecodedInput]
    is_image: bool = False


def bind_inputs(
    payload: InputPayload, declared: Mapping[str, InputSpec], decoder: InputDecoder, others: Collection[str] = ()
) -> dict[str, DecodedInput]:
    """Decode every input, by name, and `others` that come beside them. An undeclared one is named `input`.

    Raises:
        InvalidTensor: for inputs that are missing, unknown, given twice, or ambiguous.
    """
    everything = list(_parts(payload, declared, decoder, others))
    beside = {part.name: part for part in everything if part.name in others and part.name not in declared}
    parts = [part for part in everything if part.name not in beside]
    if not parts:
        raise InvalidTensor.at(
            "/inputs", "there is no input", expected='an image, a tensor or "inputs"', received="nothing"
        )
    expected = list(declared) or ["input"]
    bound, problems = _bind_named(parts, expected)
    unnamed = [part for part in parts if part.name is None]
    left = [name for name in expected if name not in bound]
    candidate = _sole_candidate(unnamed, left, declared)
    if candidate is not None:
        bound[candidate] = unnamed[0]
    if unnamed and candidate is None:
        problems.append(_ambiguous_input(unnamed, left, expected))
    else:
        problems += [_missing(name, payload) for name in expected if name not in bound]
    if problems:
        raise InvalidTensor("", problems[:MAX_PROBLEMS])
    decoded = {name: bound[name].read(declared.get(name)) for name in expected}
    return decoded | {str(name): part.read(None) for name, part in beside.items()}


def _parts(
    payload: InputPayload, declared: Mapping[str, InputSpec], decoder: InputDecoder, others: Collection[str]
) -> Iterator[InputPart]:
    if payload.inputs is not None:
        yield from _json_parts(payload, decoder)
    for name, files in payload.parts.items():
        pointer = pointer_to([PART + name])
        yield InputPart(name, pointer, partial(decoder.part, files, pointer=pointer))
    for field, files in sorted(payload.files.items(), key=lambda item: item[0] == IMAGE):
        yield from _file_parts(field, files, declared, decoder, others)


def _json_parts(payload: InputPayload, decoder: InputDecoder) -> Iterator[InputPart]:
    if is_tensor_form(payload.inputs):
        yield InputPart(None, "/inputs", partial(decoder.json, payload.inputs, pointer="/inputs"))
        return
    for name, raw in payload.inputs.items():
        pointer = "/inputs" + pointer_to([name])
        yield InputPart(name, pointer, partial(decoder.json, raw, pointer=pointer))


def _file_parts(
    field: str,
    files: tuple[bytes, ...],
    declared: Mapping[str, InputSpec],
    decoder: InputDecoder,
    others: Collection[str],
) -> Iterator[InputPart]:
    """Yield the parts of one field of a form: for the input with the field's name, or for the one that is left."""
    pointer = pointer_to([field])
    if field in declared and field not in FILE_FIELDS:
        yield InputPart(field, pointer, partial(decoder.part, files, pointer=pointer))
    elif is_tensor_file(files[0]) or (field == TENSOR and not is_image_file(files[0])):
        check_alone(files, pointer)
        yield from _tensor_parts(files[0], pointer, declared, decoder, others)
    else:
        yield InputPart(None, pointer, partial(decoder.images, files, pointer=pointer), is_image=True)


def _tensor_parts(
    data: bytes, pointer: str, declared: Mapping[str, InputSpec], decoder: InputDecoder, others: Collection[str]
) -> Iterator[InputPart]:
    """Yield the tensors of a file; the name of a single tensor is used only with several declared inputs."""
    arrays = decoder.tensors(data, pointer)
    inputs = [name for name in arrays if name not in others]
    nameless = UNNAMED in arrays or (len(inputs) == 1 and len(declared) <= 1)
    for name, array in arrays.items():
        is_unnamed = nameless and name not in others
        tensor = DecodedInput(array, pointer if is_unnamed else pointer + pointer_to([name]))
        yield InputPart(None if is_unnamed else name, tensor.pointer, partial(_decoded, tensor))


def _decoded(tensor: DecodedInput, _: InputSpec | None) -> DecodedInput:
    """Return a tensor of a file, which is already decoded."""
    return tensor


def _bind_named(parts: Sequence[InputPart], expected: Sequence[str]) -> tuple[dict[str, InputPart], list[Problem]]:
    """Bind the named parts to their inputs; return them with the problems of their names."""
    bound: dict[str, InputPart] = {}
    problems: list[Problem] = []
    names = {part.name for part in parts}
    for part in parts:
        if part.name is None:
            continue
        if len(problems) == MAX_PROBLEMS:
            break
        if part.name not in expected:
            problems.append(_unknown(part, expected, names))
        elif part.name in bound:
            problems.append(_twice(part, bound[part.name]))
        else:
            bound[part.name] = part
    return bound, problems


def _sole_candidate(unnamed: Sequence[InputPart], left: Sequence[str], declared: Mapping[str, InputSpec]) -> str | None:
    """Return the input for a single unnamed part: the only one left, or for an image the only one left of rank 3."""
    if len(unnamed) != 1:
        return None
    image_inputs = [name for name in left if name in declared and len(declared[name].shape) == 3]
    fitting = image_inputs if unnamed[0].is_image and len(left) > 1 else left
    return fitting[0] if len(fitting) == 1 else None


def _ambiguous_input(unnamed: Sequence[InputPart], left: Sequence[str], expected: Sequence[str]) -> Problem:
    pointer = unnamed[-1].pointer
    if not left:
        return Problem(pointer, "every input is given already", f"nothing beside {', '.join(expected)}", "one more")
    if len(expected) == 1:
        received = " and ".join(part.pointer[1:] for part in unnamed)
        hint = "name all of them image: they make a batch" if all(part.is_image for part in unnamed) else None
        return Problem(
            pointer, f"the input {expected[0]} is given twice", "one of image, tensor, inputs", received, hint
        )
    message = f"the network has {len(expected)} inputs: say which this is"
    in_json = f'"inputs": {{{", ".join(f"{shown(name)}: …" for name in expected)}}}'
    in_form = f"one of the parts {', '.join(PART + name for name in left)}"
    received = "one unnamed input" if len(unnamed) == 1 else f"{len(unnamed)} unnamed inputs"
    return Problem(pointer, message, in_json if pointer == "/inputs" else in_form, received)


def _missing(name: str, payload: InputPayload) -> Problem:
    """Return the problem of a missing input, with the pointer where the request would have it."""
    if isinstance(payload.inputs, dict) and not is_tensor_form(payload.inputs):
        path = [INPUTS, name]
    else:
        path = [TENSOR, name] if TENSOR in payload.files else [PART + name]
    return Problem(pointer_to(path), f"the input {name} is missing", "a tensor or an image", "nothing")


def _twice(part: InputPart, first: InputPart) -> Problem:
    received = f"{first.pointer[1:]} and {part.pointer[1:]}"
    return Problem(part.pointer, f"the input {part.name} is given twice", "each input once", received)


def _unknown(part: InputPart, expected: Sequence[str], names: AbstractSet[str | None]) -> Problem:
    """Return the problem of an unknown name; a network's single input is always suggested."""
    near = did_you_mean(str(part.name), expected) if len(expected) > 1 else expected[0]
    near = None if near in names else near
    return Problem(
        part.pointer,
        "the network has no input of this name",
        f"one of {', '.join(expected)}",
        shown(part.name),
        f'write "{near}"' if near else None,
    )
