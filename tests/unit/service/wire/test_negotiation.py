import pytest

from models.errors import Unacceptable
from service.wire.formats import JSON, JSONL, NPY, NPZ, PNG, SAFETENSORS
from service.wire.negotiation import negotiate

ACTIVATION_FORMATS = (JSON, NPZ, SAFETENSORS)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/json; charset=utf-8", JSON),
        ("APPLICATION/X-NPZ", NPZ),
        ("application/x-safetensors", SAFETENSORS),
        ("application/x-npz, application/json", NPZ),
        ("application/json;q=0.5, application/x-npz", NPZ),
        ("application/x-npz;q=0.2, */*;q=0.1", NPZ),
        ("*/*, application/x-npz", NPZ),
        ("application/json;q=0, */*", NPZ),
        ("application/json ; q=0.000 , application/x-npz ; Q=1.000", NPZ),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        ("application/x-npz;q=high, application/json", JSON),
        ("application/x-npz;q=2, application/json;q=0.1", JSON),
        (",,nonsense, application/vnd.safetensors", SAFETENSORS),
        ("application/*;q=0.5, application/vnd.safetensors;q=0.4", JSON),
    ],
)
def test_the_preferred_format_is_chosen(accept, chosen):
    """By quality, specificity, order in Accept, then server preference."""
    assert negotiate(accept, None, ACTIVATION_FORMATS) is chosen


@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/json;q=0", "*/*;q=0", "nonsense", "*/json"])
def test_unacceptable_formats_list_the_supported_ones(accept):
    """The list is complete."""
    with pytest.raises(Unacceptable) as caught:
        negotiate(accept, None, ACTIVATION_FORMATS)
    (problem,) = caught.value.problems
    assert problem.expected == (
        "one of application/json (json), application/x-npz (npz), application/vnd.safetensors (safetensors)"
    )
    assert problem.received == f'"{accept}"'


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("json", JSON),
        ("NPZ", NPZ),
        ("safetensors", SAFETENSORS),
        ("npy", NPY),
        ("png", PNG),
        ("ndjson", JSONL),
        ("image/png", PNG),
    ],
)
def test_format_overrides_accept(name, chosen):
    """By its short name, an alias or its media type."""
    assert negotiate("text/html", name, (JSON, NPZ, NPY, SAFETENSORS, PNG, JSONL)) is chosen


@pytest.mark.parametrize(("name", "suggestion"), [("jsn", 'write "json"'), ("png", None), ("", None)])
def test_an_unknown_format_gets_a_suggestion(name, suggestion):
    """Formats not offered by the route are unknown."""
    with pytest.raises(Unacceptable) as caught:
        negotiate("application/json", name, ACTIVATION_FORMATS)
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.suggestion) == ("/format", suggestion)
