"""The documents in examples/."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document

FOLDER = Path(__file__).parents[2] / "examples"
DOCUMENTS = sorted(path.stem for path in FOLDER.glob("*.json"))


def network(name: str) -> Network:
    """Expand the network of one example."""
    return expand(parse_document(json.loads((FOLDER / f"{name}.json").read_text())))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_examples_are_valid_documents(name: str) -> None:
    """Each is named after its file and declares its input."""
    document = network(name).document
    assert document.name == name
    assert document.input is not None


def test_the_digit_is_a_small_grayscale_image() -> None:
    """28 by 28 pixels, white on black, as in the tutorials."""
    with Image.open(FOLDER / "digit.png") as image:
        assert (image.mode, image.size) == ("L", (28, 28))
        assert image.getextrema() == (0, 255)


def test_digits_is_the_chain_of_the_tutorials() -> None:
    """Unnamed layers have Keras' default names."""
    assert network("digits").layer_outputs == (
        "conv2d", "batch_normalization", "re_lu", "max_pooling2d", "flatten", "dense",
    )  # fmt: skip


def test_the_siamese_network_shares_one_encoder() -> None:
    """Two calls of a block compute two tensors from one set of weights."""
    nodes = network("siamese").nodes
    convolutions = [node for node in nodes if node.address.endswith("conv2d")]
    assert [node.address for node in convolutions] == ["encoder@0/conv2d", "encoder@1/conv2d"]
    assert {node.path for node in convolutions} == {"encoder/conv2d"}


def test_layers_are_numbered_per_block() -> None:
    """Default names start anew in each block."""
    assert [address for address in network("block").layer_outputs if "conv2d" in address] == [
        "block1/conv2d",
        "block2/conv2d",
    ]
