"""Errors that groups of routes can raise."""

from __future__ import annotations

from models.errors import (
    DeadlineExceeded,
    DeviceMemory,
    Draining,
    EngineLost,
    InvalidDocument,
    InvalidImage,
    InvalidOption,
    InvalidTensor,
    LongAddress,
    ModelDamaged,
    NoGpu,
    NotFound,
    NotReady,
    Overloaded,
    Quarantined,
    SlowBody,
    StoreFull,
    StoreReadOnly,
    StoreUnreachable,
    TooLarge,
    Unacceptable,
    UnknownAddress,
    Unparsable,
    UnsupportedMedia,
    WrongDigest,
)

ENGINE_ERRORS = (
    NotReady, Overloaded, Draining, EngineLost, DeviceMemory, NoGpu, DeadlineExceeded, Quarantined,
)  # fmt: skip
BODY_ERRORS = (Unparsable, WrongDigest, SlowBody, TooLarge, LongAddress, UnsupportedMedia)
STORE_ERRORS = (StoreFull, StoreReadOnly, StoreUnreachable)
"""Errors of routes that change the store."""
MODEL_ERRORS = (NotFound, LongAddress, ModelDamaged, StoreUnreachable)
"""Errors of routes that read a registered model."""
ACTIVATION_ERRORS = (
    *BODY_ERRORS, Unacceptable, InvalidDocument, InvalidTensor, InvalidImage, InvalidOption, UnknownAddress,
    *ENGINE_ERRORS,
)  # fmt: skip
