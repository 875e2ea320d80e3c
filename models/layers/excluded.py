"""Why a class of keras.layers is not in the catalogue."""

from __future__ import annotations

EXCLUDED: dict[str, str] = {}
