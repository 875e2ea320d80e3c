"""Settings of the service, from `LAYERSCOPE_…` variables and `--options`."""

from __future__ import annotations

import os
import re
from socket import gethostname
from typing import Annotated, Any, Literal

from pydantic import ByteSize, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.errors import did_you_mean
from models.store.sharing import Sharing
from service.access.hosts import hosts_in
from service.access.origins import origins_in
from service.observing.log import LogForm

PREFIX = "LAYERSCOPE_"
AUTO = "auto"
MIB = 1024 * 1024
GIB = 1024 * MIB

CLUSTER = re.compile(r"auto|(ray://)?([\w.-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}")
"""Addresses of clusters."""

Size = Annotated[ByteSize, Field(ge=1)]


def _size(default: int, description: str) -> Any:
    return Field(default=ByteSize(default), description=description)


class Settings(BaseSettings):
    """Configuration of the service, immutable. Sizes are written as `64MiB`, times in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    instance: str = Field(
        AUTO,
        pattern=r"^[A-Za-z0-9._:\[\]-]{0,128}$",
        description="Name of this instance in X-Layerscope-Instance of every response; auto: host:port; empty: none.",
    )
    origins: str = Field(
        "",
        description="Origins of web pages that may ask, separated by commas: https://host, https://host:*, local "
        "(pages of this machine), or * or none. Empty: local while listening on this machine alone, else none.",
    )
    hosts: str = Field(
        "",
        description="Names that requests may be sent to besides localhost, separated by commas; *: any. Empty: none "
        "while listening on this machine alone, else any.",
    )
    keys: str = Field("", description="File of keys, one a line: `layerscope key NAME` prints one. Empty: none needed.")
    key: SecretStr = Field(SecretStr(""), description="The key that `layerscope open` sends; in the environment alone.")
    anonymous: bool = Field(
        False, description="Serve other machines though no keys are needed: whoever reaches the port may do everything."
    )
    metrics_open: bool = Field(False, description="Whether /metrics needs no key.")
    metrics_models: str = Field(
        "", description="Names of models, separated by commas, that /metrics tells apart; others are counted together."
    )
    max_headers: Size = _size(32 * 1024, "Largest headers of one request.")
    max_header_fields: int = Field(100, ge=1, le=10_000, description="Most headers of one request.")
    max_url: Size = _size(16 * 1024, "Longest path and query of one request.")
    log: LogForm = Field("text", description="Form of the log: text, json, or off for text without requests.")
    data_dir: str = Field(".layerscope", description="Where registered models are kept: a folder, or an fsspec URL.")
    models: str = Field(
        "",
        description="Models that are served as they are, and never changed: a folder, or an fsspec URL, with "
        "NAME.keras, NAME.h5, or NAME.json and weights, or a folder NAME with one of these.",
    )
    store_shared: bool = Field(
        False, description="Other instances use the same data_dir: a folder, or a bucket with conditional writes."
    )
    store_seconds: float = Field(
        1.0, ge=0.1, le=3600, description="Seconds within which changes of instances that share the store are seen."
    )
    engines: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = Field(
        1, description="Engine processes; each holds TensorFlow and its own model cache. auto: one a GPU, else one."
    )
    ray: str = Field(
        "",
        description="Engines are actors of this Ray cluster: auto (this machine's), HOST:PORT or ray://HOST:PORT. "
        "Empty: processes of this machine.",
    )
    engines_max: int = Field(
        0, ge=0, le=1024, description="Most engines on the cluster while requests wait; 0: LAYERSCOPE_ENGINES."
    )
    ray_cpus: float = Field(1.0, ge=0, le=1024, description="CPUs that Ray sets aside for each engine.")
    ray_gpus: float = Field(0.0, ge=0, le=1, description="GPUs that Ray sets aside for each engine; 0.5: half of one.")
    ray_idle_seconds: float = Field(
        60.0,
        gt=0,
        le=86400,
        description="Seconds without a request after which one beyond LAYERSCOPE_ENGINES ends.",
    )
    ray_folder: str = Field(
        "",
        description="Folder for weights on each node; empty: one of its user in the temporary folder.",
    )
    spare_engines: int = Field(
        0, ge=0, le=64, description="Engines in reserve, which take the place of one that is lost at once."
    )
    engine_memory: ByteSize = Field(
        ByteSize(0), description="Resident memory at which an engine is replaced after the request it runs; 0: none."
    )
    connections: int = Field(1000, ge=1, le=100_000, description="Most connections that are served at once.")
    client_connections: int = Field(100, ge=1, le=100_000, description="Most connections of one address.")
    head_seconds: float = Field(10.0, gt=0, le=600, description="Seconds in which the head of a request must arrive.")
    idle_seconds: int = Field(
        75,
        ge=1,
        le=3600,
        description="Seconds for which a connection is kept open for another request; where room is needed the longest "
        "idle is closed sooner.",
    )
    deadline: float = Field(
        30.0, gt=0, le=3600, description="Seconds one request may run (and may wait) before it is given up."
    )
    require_gpu: bool = Field(False, description="Run nothing, and stay unready, unless an engine sees a GPU.")
    cache_bytes: Size = _size(GIB, "Built models each engine keeps, by weights and compiled functions.")
    max_body: Size = _size(64 * MIB, "Largest request body.")
    max_bodies: Size = _size(512 * MIB, "Request bodies held at once, all requests together.")
    decode_memory: Size = _size(800 * MIB, "What pictures, JSON, archives and forms take once decoded, all together.")
    max_weights: Size = _size(2 * GIB, "Largest upload of weights, and what it may unpack to; kept on disk.")
    max_uploads: int = Field(8, ge=1, le=64, description="Most uploads of weights at once.")
    upload_seconds: float = Field(600.0, gt=0, le=86400, description="Seconds an upload of weights may take to arrive.")
    body_seconds: float = Field(60.0, gt=0, le=3600, description="Seconds a request's body may take to arrive.")
    keras_home: str = Field(
        "", description="Folder where Keras keeps the weights of ImageNet; empty: KERAS_HOME, else ~/.keras."
    )
    fetch_seconds: float = Field(600.0, gt=0, le=86400, description="Seconds the weights of ImageNet may take to come.")
    max_pixels: int = Field(
        50_000_000, ge=1, description="Most pixels of one image, read from its header before decoding."
    )
    max_input_bytes: Size = _size(256 * MIB, "Largest input of one request once decoded, all tensors together.")
    max_activation_bytes: Size = _size(512 * MIB, "Largest reply: the activations and weights asked for, together.")
    max_working_bytes: Size = _size(2 * GIB, "Most that one request may compute, asked for or not.")
    max_model_bytes: Size = _size(2 * GIB, "Largest weights of one model.")
    max_macs: int = Field(2 * 10**12, ge=1, description="Most multiply-adds of one request.")
    batch_requests: int = Field(
        1, ge=1, le=256, description="Most waiting requests run as one batch; above 1 the last bits may differ."
    )
    max_queue: int = Field(256, ge=1, description="Most requests waiting for an engine.")
    queue_seconds: float = Field(
        0.4,
        gt=0,
        le=3600,
        description="Seconds of work that may wait for an engine for a moment; half of it for longer than that.",
    )
    max_queue_bytes: Size = _size(GIB, "Inputs of waiting requests, all together.")
    reply_memory: Size = _size(GIB, "Shared memory per engine for replies on their way; one reply takes at most half.")

    @field_validator("origins", "hosts")
    @classmethod
    def _validate_list(cls, text: str, info: ValidationInfo) -> str:
        """Validate the list; it is parsed again where it is used."""
        try:
            (origins_in if info.field_name == "origins" else hosts_in)(text)
        except ValueError as error:
            raise PydanticCustomError("list", "{what}", {"what": str(error)}) from None
        return text

    @field_validator("ray")
    @classmethod
    def _validate_ray(cls, address: str, info: ValidationInfo) -> str:
        if address and not CLUSTER.fullmatch(address):
            raise PydanticCustomError("ray", "expected auto, HOST:PORT or ray://HOST:PORT")
        if address and info.data.get("engines") == "auto":
            raise PydanticCustomError("ray", f"engines on a cluster need their number in {PREFIX}ENGINES, not auto")
        return address

    @field_validator("engines_max", "ray_cpus", "ray_gpus", "ray_idle_seconds", "ray_folder")
    @classmethod
    def _validate_ray_option(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse options of a cluster without one, and fewer engines at most than at least."""
        name, data = info.field_name or "", info.data
        if value != cls.model_fields[name].default and "ray" in data and not data["ray"]:
            raise PydanticCustomError("ray", f"means nothing without {PREFIX}RAY, the address of a cluster")
        if name == "engines_max" and value and value < data.get("engines", 1):
            raise PydanticCustomError("ray", f"is less than {PREFIX}ENGINES, which is {data['engines']}")
        return value

    @field_validator("engine_memory", mode="before")
    @classmethod
    def _none_as_zero(cls, value: object) -> object:
        return value or 0

    @property
    def instance_name(self) -> str:
        """What every response says that it comes from; empty: nothing."""
        return f"{gethostname()}:{self.port}" if self.instance == AUTO else self.instance

    @property
    def sharing(self) -> Sharing | None:
        """How the store is shared; None if it belongs to this instance alone."""
        return Sharing(self.store_seconds) if self.store_shared else None

    @property
    def reply_limit(self) -> int:
        """Largest reply in bytes: as set, and at most half of the reply arena, so that two fit."""
        return min(int(self.max_activation_bytes), int(self.reply_memory) // 2)


def load(**options: Any) -> Settings:
    """Load the settings of this process; `options` override the environment.

    Raises:
        SystemExit: with a one-line message, for an unknown variable or an invalid value.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known:
            near = did_you_mean(name, known)
            raise SystemExit(f"layerscope: unknown setting {name}" + (f"; did you mean {near}?" if near else ""))
    overrides = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise SystemExit(f"layerscope: {name}: {first['msg'][0].lower()}{first['msg'][1:]}") from None


def table(settings: Settings) -> list[tuple[str, str, str, str]]:
    """Return `(variable, current value, default, description)` of every setting."""
    rows = []
    for name, field in type(settings).model_fields.items():
        value, default = getattr(settings, name), field.default
        rows.append((PREFIX + name.upper(), _format(value), _format(default), field.description or ""))
    return rows


def _format(value: object) -> str:
    return value.human_readable() if isinstance(value, ByteSize) else str(value)
