"""Fixed models: which files are one, and how they stand beside those that are registered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from models.errors import FixedModel, ModelDamaged, NotFound
from models.networks.expansion import expand
from models.networks.network import Network
from models.reading.parse import parse_document
from models.store.fixed import FoundModel, ModelFolder, find_models
from models.store.opening import list_models, open_store
from models.store.with_fixed import StoreWithFixed


def network(units: int = 2) -> Network:
    """A network that differs by its units."""
    return expand(parse_document({"input": [4], "layers": [{"type": "Dense", "units": units}]}))


@pytest.fixture(params=["folder", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a folder, on disk and elsewhere."""
    return str(tmp_path / "models") if request.param == "folder" else f"memory://{uuid4().hex}"


def found(url: str, *files: str) -> dict[str, tuple[str | None, str | None] | str]:
    """Write files; return what is found by name: the files of document and weights, or the problem."""
    system, root = fsspec.core.url_to_fs(url)
    for file in files:
        system.makedirs(f"{root}/{file}".rpartition("/")[0], exist_ok=True)
        system.pipe_file(f"{root}/{file}", b"x")

    def short(path: str | None) -> str | None:
        return None if path is None else path.removeprefix(f"{root}/")

    return {model.name: model.problem or (short(model.document), short(model.weights))
            for model in find_models(url).found}  # fmt: skip


def test_models_are_found_by_their_files(url: str) -> None:
    """Whole ones, documents with and without weights, and folders with one; other files are none."""
    files = [
        "a.keras", "b.h5", "c.json", "d.json", "d.weights.h5", "e.json", "e.npz", "f.json", "f.safetensors",
        "g/model.keras", "g/.part.keras", "h/1.json", "h/1.safetensors", "README.md", "labels.txt", "data.npz",
        ".hidden.json", ".git/x.json", "empty/README.md",
    ]  # fmt: skip
    assert found(url, *files) == {
        "a": (None, "a.keras"), "b": (None, "b.h5"), "c": ("c.json", None), "d": ("d.json", "d.weights.h5"),
        "e": ("e.json", "e.npz"), "f": ("f.json", "f.safetensors"), "g": (None, "g/model.keras"),
        "h": ("h/1.json", "h/1.safetensors"),
    }  # fmt: skip


def test_what_is_ambiguous_has_a_problem(url: str) -> None:
    """And the name under which it is listed."""
    files = [
        "two.h5", "two.keras", "both.json", "both.h5", "many.json", "many.npz", "many.safetensors", "lone.weights.h5",
        "dir/a.h5", "dir/b.json", "twice.h5", "twice/model.h5", "-.json",
    ]  # fmt: skip
    assert found(url, *files) == {
        "-": "a name has 1 to 64 letters, digits, dots, underscores and hyphens",
        "both": "several files have its name: both.json, both.h5",
        "dir": "its folder has several models: a, b",
        "lone": "there are weights, and no lone.json beside them",
        "many": "several files have its name: many.json, many.npz, many.safetensors",
        "twice": "a file and a folder have its name",
        "two": "several files have its name: two.h5, two.keras",
    }


def test_links_are_followed(tmp_path: Path) -> None:
    """Kubernetes mounts files, and Git clones folders, as links to hidden ones."""
    (tmp_path / "..data" / "inner").mkdir(parents=True)
    (tmp_path / "..data" / "m.json").write_text("{}")
    (tmp_path / "..data" / "inner" / "model.keras").write_text("")
    (tmp_path / "m.json").symlink_to("..data/m.json")
    (tmp_path / "inner").symlink_to("..data/inner")
    models = find_models(str(tmp_path)).found
    assert [(model.name, model.problem) for model in models] == [("inner", ""), ("m", "")]


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    """In one line; no folder is none."""
    assert list_models("") is None
    for place in (str(tmp_path / "nowhere"), "nowhere://x"):
        with pytest.raises(OSError, match=f"the models of {place} cannot be listed: [^\n]+$"):
            list_models(place)


def test_a_file_is_read_from_anywhere(url: str) -> None:
    """As a file on this machine, in a folder that may be written to."""
    found(url, "m.json")
    folder = find_models(url)
    (model,) = folder.found
    assert model.document is not None
    with folder.local(model.document, "") as path:
        assert path.read_bytes() == b"x"
        path.with_name("canonical").touch()
    assert not path.parent.exists()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreWithFixed]:
    """A store with a registered model `mine`, one hidden by the fixed `fixed`, and `broken`, which cannot be read."""
    before = open_store(str(tmp_path))
    for name in ("mine", "fixed"):
        before.put(name, network(1))
    folder = ModelFolder(None, (FoundModel("broken"), FoundModel("fixed")))
    opened = open_store(str(tmp_path), None, folder)
    assert isinstance(opened, StoreWithFixed)
    assert (opened.is_read, opened.in_space("lab").is_read) == (False, False)
    opened.fixed.put("fixed", network(2))
    opened.settle("fixed", "")
    opened.settle("broken", "it is not JSON")
    yield opened
    opened.close()


def test_fixed_models_are_in_every_space(store: StoreWithFixed) -> None:
    """They hide registered ones of their name; what cannot be read is listed with its problem."""
    for space, names in ((store, ["fixed", "mine"]), (store.in_space("lab"), ["fixed"])):
        assert [entry.name for entry in space.entries()] == names
        assert space.is_read
        assert space.damaged == {"broken": "it is not JSON"}
        for reference in ("fixed", network(2).identity()):
            entry = space.find(reference)
            assert space.architecture(entry).document == network(2).document
            with space.using(reference) as used:
                assert (used, space.cached(used) is None, space.local_weights(used)) == (entry, False, None)
        with pytest.raises(ModelDamaged, match='"broken" cannot be used: it is not JSON'):
            space.find("broken")
    assert store.architecture(store.find("mine")).document == network(1).document
    with pytest.raises(NotFound) as caught:
        store.in_space("lab").find("fixe")
    assert caught.value.problems[0].suggestion == 'use "fixed"'


def test_fixed_models_are_never_changed(store: StoreWithFixed) -> None:
    """Neither by name nor by id; registered ones are, also by an id that both have."""
    for change in (
        lambda: store.put("fixed", network(3)), lambda: store.put("broken", network(3)),
        lambda: store.delete("fixed"), lambda: store.delete(network(2).identity()),
        lambda: store.in_space("lab").put("fixed", network(3)),
    ):  # fmt: skip
        with pytest.raises(FixedModel) as refused:
            change()
        assert refused.value.problems[0].suggestion == "register a model under another name"
    store.put("copy", network(2))
    store.delete(network(2).identity())
    assert [entry.name for entry in store.entries()] == ["fixed", "mine"]


def test_a_hidden_model_is_there_again_without_the_fixed_one(store: StoreWithFixed, tmp_path: Path) -> None:
    """Nothing of the fixed models is kept."""
    store.close()
    again = open_store(str(tmp_path))
    assert [(entry.name, entry.id) for entry in again.entries()] == [
        (name, network(1).identity()) for name in ("fixed", "mine")
    ]
