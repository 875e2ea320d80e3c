"""Valid names for layers of older files: Keras 2 allowed characters that Keras 3 and addresses do not, as the slash."""

from collections import Counter
from collections.abc import Iterable, Set

from models.layers.fields import FORBIDDEN


def valid_names(names: Iterable[str]) -> dict[str, str]:
    """Map the names of the layers of one model to valid ones: `conv1/bn` becomes `conv1_bn`, and `conv1_bn_1` where
    another layer is `conv1_bn` already.
    """
    distinct = dict.fromkeys(names)
    result = {name: name for name in distinct if not FORBIDDEN.search(name)}
    taken, counts = set(result), Counter[str]()
    for name in distinct:
        if name not in result:
            result[name] = _free(FORBIDDEN.sub("_", name), taken, counts)
            taken.add(result[name])
    return result


def _free(name: str, taken: Set[str], counts: Counter[str]) -> str:
    """Return a name, numbered if it is taken; the numbers go on from the last one."""
    free = name
    while free in taken:
        counts[name] += 1
        free = f"{name}_{counts[name]}"
    return free
