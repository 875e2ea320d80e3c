"""Refusal of a file by the short-lived process that reads it."""

from __future__ import annotations

from models.weights.reader_messages import Refused


class Refusal(Exception):
    """The file is refused, and not read any further."""

    def __init__(self, message: str, received: str, too_large: bool = False, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.reply = Refused(message, received, too_large, suggestion)
