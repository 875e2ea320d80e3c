"""Logging configuration and formatters, for all lines but those of requests."""

from __future__ import annotations

import logging
from typing import Any, Literal

import orjson

from service.observing.clock import timestamp

LogForm = Literal["text", "json", "off"]
"""Format of the log, and whether it has a line for each request."""


class TextLines(logging.Formatter):
    """Formatter of `time LEVEL logger: message`, followed by the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        text = f"{timestamp(record.created)} {record.levelname} {record.name}: {_message(record)}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonLines(logging.Formatter):
    """Formatter of one JSON object per line, with the names that the access log uses."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        values: dict[str, Any] = {
            "time": timestamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        if (request_id := getattr(record, "request_id", None)) is not None:
            values["request_id"] = request_id
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(values).decode()


def _message(record: logging.LogRecord) -> str:
    """Return the message with lone surrogates escaped, which UTF-8 cannot encode."""
    return record.getMessage().encode("utf-8", "backslashreplace").decode()


def configuration(form: LogForm) -> dict[str, Any]:
    """Return the `logging.config.dictConfig` configuration: standard error, like the access log."""
    own = {"handlers": ["stderr"], "level": "INFO", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": JsonLines if form == "json" else TextLines}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "loggers": {"layerscope": own, "uvicorn": own},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }
