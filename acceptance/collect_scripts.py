"""Runs a script statement by statement, and keeps the models that it builds: `collect_scripts.py FILE FOLDER`.

What fails (data that is not here, packages that are not installed) is passed over. Nothing is trained: `fit` and what
else needs data returns at once, and the data sets of Keras are a few random examples.
"""

from __future__ import annotations

import ast
import signal
import sys
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional
from keras.src.models.sequential import Sequential

from acceptance.collected_models import keep

SECONDS = 20
"""Longest that one statement may take."""
EXAMPLES = 60
IMAGES = {"mnist": (28, 28), "fashion_mnist": (28, 28), "cifar10": (32, 32, 3), "cifar100": (32, 32, 3)}


def images(shape: tuple[int, ...]) -> Any:
    """Return a data set of images as Keras loads it."""
    random = np.random.default_rng(0)
    labels = (EXAMPLES, 1) if len(shape) > 2 else (EXAMPLES,)
    parts = [(random.integers(0, 256, (EXAMPLES, *shape), "uint8"), random.integers(0, 10, labels)) for _ in "ab"]
    return lambda *_, **__: tuple(parts)


def texts(*_: Any, num_words: int | None = None, **__: Any) -> Any:
    """Return a data set of texts as Keras loads it."""
    random = np.random.default_rng(0)
    words = [list(map(int, random.integers(1, num_words or 1000, 30))) for _ in range(EXAMPLES)]
    part = np.array(words, dtype=object), random.integers(0, 2, EXAMPLES)
    return part, part


def without_data() -> None:
    """Replace what would train, download or draw."""
    for name, shape in IMAGES.items():
        getattr(keras.datasets, name).load_data = images(shape)
    keras.datasets.imdb.load_data = keras.datasets.reuters.load_data = texts
    for name in ("fit", "evaluate", "save", "save_weights", "load_weights", "export"):
        setattr(keras.Model, name, lambda *_, **__: SimpleNamespace(history=defaultdict(lambda: [0.0])))
    keras.Model.predict = lambda *_, **__: np.zeros((EXAMPLES, 10))
    keras.utils.get_file = keras.utils.plot_model = _refuse


def _refuse(*_: Any, **__: Any) -> None:
    raise OSError("nothing is fetched or drawn")


def remember(models: list[Any]) -> None:
    """Keep each model with a graph that is made from now on."""
    for cls in (Functional, Sequential):

        def init(self: Any, *given: Any, original: Any = cls.__init__, **named: Any) -> None:
            original(self, *given, **named)
            models.append(self)

        cls.__init__ = init


def execute(path: Path) -> None:
    """Execute the statements of a file, each alone."""
    scope: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    signal.signal(signal.SIGALRM, _interrupt)
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        signal.alarm(SECONDS)
        try:
            exec(compile(ast.Module([statement], []), str(path), "exec"), scope)  # noqa: S102
        except BaseException as error:
            print(f"{path.name}:{statement.lineno}: {type(error).__name__}: {str(error)[:150]}")
        finally:
            signal.alarm(0)


def _interrupt(*_: Any) -> None:
    raise TimeoutError("the statement takes too long")


def main() -> None:
    """Run one file."""
    models: list[Any] = []
    save = keras.Model.save
    remember(models)
    without_data()
    execute(Path(sys.argv[1]))
    keras.Model.save = save
    keep(models, Path(sys.argv[2]))


if __name__ == "__main__":
    main()
