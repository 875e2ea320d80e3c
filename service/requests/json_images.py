"""Images in JSON: one, `{"image": "<base64>"}`, or a batch, as an array of these or as an array of texts in one."""

from __future__ import annotations

from typing import Any

from models.errors import InvalidTensor, TooLarge, shown
from service.options.field_names import IMAGE
from service.requests.body import MAX_FILES

EXPECTED = '{"image": "<base64>"} in every place, or numbers in all of them'


def images_in(raw: Any, pointer: str) -> dict[str, Any] | None:
    """Return the base64 texts of the images by their pointers; None if the value is not an image or a batch of them.

    Raises:
        InvalidTensor: an array also has other values.
        TooLarge: there are more than one request may have.
    """
    if isinstance(raw, dict) and raw.keys() == {IMAGE}:
        value = raw[IMAGE]
        batch = value if isinstance(value, list) else None
        texts = {f"{pointer}/{IMAGE}": value} if batch is None else _by_pointer(batch, f"{pointer}/{IMAGE}")
    elif isinstance(raw, list) and raw and isinstance(raw[0], dict):
        texts = {f"{pointer}/{number}/{IMAGE}": _text(item, f"{pointer}/{number}") for number, item in enumerate(raw)}
    else:
        return None
    if len(texts) > MAX_FILES:
        message, expected = "there are too many images in one request", f"at most {MAX_FILES} images"
        raise TooLarge.at(
            pointer, message, expected=expected, received=f"{len(texts):,}", suggestion="send several requests"
        )
    return texts


def _by_pointer(texts: list[Any], pointer: str) -> dict[str, Any]:
    if not texts:
        raise InvalidTensor.at(pointer, "there is no picture", expected="one or more", received="none")
    return {f"{pointer}/{number}": text for number, text in enumerate(texts)}


def _text(item: Any, pointer: str) -> Any:
    if isinstance(item, dict) and item.keys() == {IMAGE}:
        return item[IMAGE]
    hint = None
    if isinstance(item, dict) and item and IMAGE not in item:
        name = shown(next(iter(item)))
        hint = f"write an input's whole batch under its name, {{{name}: [first, second, …]}}"
    raise InvalidTensor.at(pointer, "this is not a picture", expected=EXPECTED, received=shown(item), suggestion=hint)
