"""The log of everything but requests: how its lines look, and where they go."""

from __future__ import annotations

import logging
from typing import Any, Literal

import orjson

from service.observing.clock import timestamp

LogForm = Literal["text", "json", "off"]
"""Of the log, and whether it has a line for each request."""


class TextLines(logging.Formatter):
    """`time LEVEL logger: message`, and the traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        text = f"{timestamp(record.created)} {record.levelname} {record.name}: {_message(record)}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonLines(logging.Formatter):
    """One object a line, with the names that lines of requests have."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        told: dict[str, Any] = {
            "time": timestamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        if (request_id := getattr(record, "request_id", None)) is not None:
            told["request_id"] = request_id
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(told).decode()


def _message(record: logging.LogRecord) -> str:
    """As UTF-8 can carry it."""
    return record.getMessage().encode("utf-8", "backslashreplace").decode()


def configuration(form: LogForm) -> dict[str, Any]:
    """For `logging.config.dictConfig`: standard error, like the lines of requests."""
    own = {"handlers": ["stderr"], "level": "INFO", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": JsonLines if form == "json" else TextLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "loggers": {"layerscope": own, "uvicorn": own},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }
