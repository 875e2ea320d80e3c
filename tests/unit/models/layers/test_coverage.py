"""Every class of keras.layers is in the catalog or excluded with a reason, as documented."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from models.layers import ALIASES, CATALOGUE, FAMILIES, LAYERS, names_of, types_in
from models.layers.excluded import EXCLUDED, INPUT_LAYERS
from models.layers.layer import Layer

PAGE = (Path(__file__).parents[4] / "docs/layers.md").read_text(encoding="utf-8")
EXPORTED = {name for name in dir(keras.layers) if isinstance(getattr(keras.layers, name), type)}

OF_LAYERS = {name for name, cls in CATALOGUE.items() if cls.keras_modules[0] == "keras.layers"}


def cell(cls: type[Layer]) -> str:
    """Format a type for the page's table: its name, and its aliases in parentheses."""
    first, *others = (f"`{name}`" for name in names_of(cls))
    return f"{first} ({', '.join(others)})" if others else first


def test_every_keras_layer_is_included_or_excluded() -> None:
    """A new class of Keras needs a decision."""
    aliases = {alias for alias, name in ALIASES.items() if name in OF_LAYERS}
    assert OF_LAYERS | aliases | set(EXCLUDED) | set(INPUT_LAYERS) - {"Input"} == EXPORTED


def test_included_and_excluded_names_are_disjoint() -> None:
    """Types, aliases, excluded names and input layers."""
    assert len({*CATALOGUE, *ALIASES, *EXCLUDED, *INPUT_LAYERS}) == sum(
        map(len, (CATALOGUE, ALIASES, EXCLUDED, INPUT_LAYERS))
    )


def test_the_catalog_is_sorted() -> None:
    """Listings and generated files keep their order."""
    assert list(CATALOGUE) == sorted(CATALOGUE)


def test_only_cells_are_not_standalone() -> None:
    """All other types can be layers of a document."""
    assert {cls.__name__ for cls in set(CATALOGUE.values()) - set(LAYERS)} == {
        "SimpleRNNCell",
        "GRUCell",
        "LSTMCell",
        "StackedRNNCells",
    }


def test_the_totals_on_the_page_are_correct() -> None:
    """For the installed Keras and the catalog."""
    classes = {getattr(keras.layers, name) for name in EXPORTED}
    assert f"Keras {'.'.join(keras.__version__.split('.')[:2])} exports {len(EXPORTED)} classes" in PAGE
    assert f"they are {len(classes)} different classes" in PAGE
    aliases = [alias for alias, name in ALIASES.items() if name in OF_LAYERS]
    assert f"**{len(OF_LAYERS)} are in the catalogue**, with {len(aliases)} further names" in PAGE
    assert f"and {len(classes) - len(OF_LAYERS)} are not" in PAGE


@pytest.mark.parametrize("family", FAMILIES)
def test_the_page_lists_every_family(family: str) -> None:
    """A family's row has its number of types and all their names."""
    types = types_in(family)
    assert f"| {family} | {len(types)} | {', '.join(cell(cls) for cls in types)} |" in PAGE


def test_the_page_lists_the_reasons_of_exclusions() -> None:
    """They equal those of the errors."""
    rows = [f"| `{name}` | {reason} |" for name, reason in sorted(EXCLUDED.items())]
    assert "\n".join(rows) in PAGE
