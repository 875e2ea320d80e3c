"""Settings: sources, formats, and values that abort the start."""

from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from service.engines.cluster.engine_settings import ENGINE_SETTINGS, settings_of_engines
from service.environment import engine_environment
from service.settings import (
    GIB,
    MIB,
    PREFIX,
    Settings,
    load,
    table,
)

NONE = "engine_memory"
"""The size that may be empty."""
SIZES = [name for name, field in Settings.model_fields.items() if "ByteSize" in str(field.annotation) and name != NONE]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings of the machine that runs the tests."""
    for name in os.environ:
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)


def refusal(**options: object) -> str:
    """Return the line that aborts the start."""
    with pytest.raises(SystemExit) as refused:
        load(**options)
    assert isinstance(refused.value.code, str)
    assert "\n" not in refused.value.code
    return refused.value.code


def test_all_settings_have_defaults() -> None:
    """An empty environment is sufficient."""
    assert load() == Settings()
    assert (load().host, load().port, load().engines) == ("127.0.0.1", 8000, 1)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name in capitals after LAYERSCOPE_."""
    monkeypatch.setenv("LAYERSCOPE_PORT", "9000")
    monkeypatch.setenv("LAYERSCOPE_REQUIRE_GPU", "true")
    monkeypatch.setenv("LAYERSCOPE_DEADLINE", "2.5")
    assert (load().port, load().require_gpu, load().deadline) == (9000, True, 2.5)


def test_options_take_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """None leaves a setting to the environment."""
    monkeypatch.setenv("LAYERSCOPE_PORT", "9000")
    monkeypatch.setenv("LAYERSCOPE_HOST", "0.0.0.0")  # noqa: S104 (nothing listens)
    settings = load(port="9001", host=None)
    assert (settings.port, settings.host) == (9001, "0.0.0.0")  # noqa: S104 (nothing listens)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("64MiB", 64 * MIB),
        ("64 MiB", 64 * MIB),
        ("64mib", 64 * MIB),
        ("1GiB", GIB),
        ("1.5GiB", 3 * GIB // 2),
        ("10MB", 10_000_000),
        ("4096", 4096),
        ("1", 1),
    ],
)
@pytest.mark.parametrize("name", SIZES)
def test_sizes_may_have_units(monkeypatch: pytest.MonkeyPatch, name: str, written: str, size: int) -> None:
    """Binary and decimal ones, or plain bytes; in the environment and as options."""
    monkeypatch.setenv(PREFIX + name.upper(), written)
    assert getattr(load(), name) == getattr(load(**{name: written}), name) == size


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("LAYERSCOPE_PROT", "LAYERSCOPE_PORT"),
        ("LAYERSCOPE_MAXBODY", "LAYERSCOPE_MAX_BODY"),
        ("LAYERSCOPE_CACHE_BYTE", "LAYERSCOPE_CACHE_BYTES"),
        ("LAYERSCOPE_Port", "LAYERSCOPE_PORT"),
    ],
)
def test_an_unknown_variable_aborts_the_start(monkeypatch: pytest.MonkeyPatch, variable: str, meant: str) -> None:
    """Instead of being ignored silently; the nearest known name is suggested."""
    monkeypatch.setenv(variable, "1")
    assert refusal() == f"layerscope: unknown setting {variable}; did you mean {meant}?"


def test_variables_without_the_prefix_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if they contain it."""
    monkeypatch.setenv("MY_LAYERSCOPE_PORT", "x")
    monkeypatch.setenv("PORT", "x")
    assert load().port == 8000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "http"), ("port", "65536"), ("port", "-1"), ("port", "80.5"), ("engines", "0"), ("engines", "65"),
        ("deadline", "0"), ("deadline", "-1"), ("deadline", "nan"), ("deadline", "inf"), ("deadline", "3601"),
        ("origins", "null"), ("origins", "https://a/b"), ("origins", "*, local"), ("hosts", "http://a"), ("log", "xml"),
        ("max_header_fields", "0"), ("max_headers", "x"), ("engines", "many"), ("spare_engines", "-1"),
        ("connections", "0"), (NONE, "-1"), (NONE, "x"),
        ("body_seconds", "0"), ("require_gpu", "maybe"), ("max_macs", "0"), ("max_pixels", "many"), ("max_queue", "0"),
        *((name, value) for name in SIZES for value in ("0", "-1", "64 potatoes", "", "x")),
    ],
)  # fmt: skip
def test_an_invalid_value_aborts_the_start(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """With one line that names the variable, for the environment and for options."""
    variable = PREFIX + name.upper()
    assert refusal(**{name: value}).startswith(f"layerscope: {variable}: ")
    monkeypatch.setenv(variable, value)
    assert refusal().startswith(f"layerscope: {variable}: ")


def test_an_option_overrides_an_invalid_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is not parsed."""
    monkeypatch.setenv("LAYERSCOPE_MAX_BODY", "junk")
    assert load(max_body="2MiB").max_body == 2 * MIB


def test_settings_are_immutable() -> None:
    """They are those that the process was started with."""
    with pytest.raises(ValidationError):
        load().port = 1  # type: ignore[misc]


def test_the_table_has_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variable, current value, default and meaning."""
    monkeypatch.setenv("LAYERSCOPE_MAX_BODY", "2MiB")
    rows = {variable: rest for variable, *rest in table(load())}
    assert list(rows) == [PREFIX + name.upper() for name in Settings.model_fields]
    assert rows["LAYERSCOPE_MAX_BODY"] == ["2.0MiB", "64.0MiB", "Largest request body."]
    assert rows["LAYERSCOPE_PORT"][:2] == ["8000", "8000"]
    assert all(meaning for _, _, meaning in rows.values())


def test_the_table_round_trips(monkeypatch: pytest.MonkeyPatch) -> None:
    """The printed values can be parsed."""
    for variable, value, _, _ in table(Settings()):
        monkeypatch.setenv(variable, value)
    assert load() == Settings()


def test_engines_inherit_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """With low verbosity, the TensorFlow backend, and a fixed hash seed, but without keys and tokens."""
    monkeypatch.setenv("MINE", "yes")
    for secret in (f"{PREFIX}KEY", f"{PREFIX}KEYS", "OTEL_EXPORTER_OTLP_HEADERS"):
        monkeypatch.setenv(secret, "secret")
    environment = engine_environment()
    assert "secret" not in environment.values()
    assert environment.items() >= {
        "MINE": "yes", "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0",
    }.items()  # fmt: skip


@pytest.mark.parametrize("address", ["auto", "10.0.0.1:6379", "ray://head.lan:10001", "[::1]:6379"])
def test_clusters_have_addresses(address: str) -> None:
    """The machine's own, one of Ray, or one of Ray's client."""
    assert load(ray=address, engines=2, engines_max=4).ray == address


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"ray": "head"}, "RAY: expected auto, HOST:PORT or ray://HOST:PORT"),
        ({"ray": "auto", "engines": "auto"}, "RAY: engines on a cluster need their number in LAYERSCOPE_ENGINES"),
        ({"engines_max": 4}, "ENGINES_MAX: means nothing without LAYERSCOPE_RAY"),
        ({"ray_gpus": 1}, "RAY_GPUS: means nothing without LAYERSCOPE_RAY"),
        ({"ray_folder": "/x"}, "RAY_FOLDER: means nothing without LAYERSCOPE_RAY"),
        ({"ray": "auto", "engines": 3, "engines_max": 2}, "ENGINES_MAX: is less than LAYERSCOPE_ENGINES, which is 3"),
    ],
)
def test_options_of_clusters_that_mean_nothing_abort_the_start(options: dict[str, object], line: str) -> None:
    """With a sentence that names the setting."""
    assert refusal(**options).startswith(f"layerscope: LAYERSCOPE_{line}")


def test_engines_elsewhere_are_told_no_secrets() -> None:
    """Only limits, and the store where it is remote."""
    settings = Settings(key="secret", keys="keys.txt", data_dir="s3://bucket/models", ray="auto")
    told = settings_of_engines(settings)
    assert "secret" not in repr(told)
    assert set(told) == {*ENGINE_SETTINGS, "data_dir"}
    assert told["data_dir"] == "s3://bucket/models"
    assert settings_of_engines(Settings(data_dir="/here"))["data_dir"] == ""
