"""Boolean masks of the steps of a tensor that count."""

from collections.abc import Sequence
from itertools import zip_longest


def fits(mask: Sequence[int | None], shape: Sequence[int | None]) -> bool:
    """Whether a mask has the leading axes of the tensor it masks, or length 1 along them."""
    pairs = zip_longest(mask, shape[: len(mask)], fillvalue=0)
    return all(None in pair or pair[0] in (1, pair[1]) for pair in pairs)
