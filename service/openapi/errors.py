"""Errors that groups of routes can raise."""

from __future__ import annotations

from typing import Any

from models.errors import (
    DeadlineExceeded,
    DeviceMemory,
    Draining,
    EngineLost,
    FixedModel,
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
    all_errors,
)
from service.errors.handlers import FRAMEWORK, status_of

ENGINE_ERRORS = (
    NotReady, Overloaded, Draining, EngineLost, DeviceMemory, NoGpu, DeadlineExceeded, Quarantined,
)  # fmt: skip
BODY_ERRORS = (Unparsable, WrongDigest, SlowBody, TooLarge, LongAddress, UnsupportedMedia)
CHANGE_ERRORS = (FixedModel, StoreFull, StoreReadOnly, StoreUnreachable)
"""Errors of routes that change the store."""
MODEL_ERRORS = (NotFound, LongAddress, ModelDamaged, StoreUnreachable)
"""Errors of routes that read a registered model."""
ACTIVATION_ERRORS = (
    *BODY_ERRORS, Unacceptable, InvalidDocument, InvalidTensor, InvalidImage, InvalidOption, UnknownAddress,
    *ENGINE_ERRORS,
)  # fmt: skip


def described_codes() -> dict[str, dict[str, Any]]:
    """Return every `code` with its status, title and the more general code that it is a case of; also those that any
    address may answer with, and no route names. Clients are written from it.
    """
    codes: dict[str, dict[str, Any]] = {
        code: {"status": status, "title": title, "of": None} for status, (code, title) in FRAMEWORK.items()
    }
    for error in all_errors():
        parent = error.__mro__[1]
        of = parent.code if parent in all_errors() else None
        codes[error.code] = {"status": status_of(error), "title": error.title, "of": of}
    return dict(sorted(codes.items()))
