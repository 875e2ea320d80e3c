"""Multipart forms: preamble and epilogue are ignored (RFC 2046 section 5.1.1)."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from models.errors import Unparsable
from service.requests.multipart import MAX_NAMED, MAX_PREAMBLE, form_boundary, strip_form

PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
FORM = PART + b"--b--"


def test_preamble_and_epilogue_are_removed() -> None:
    """Padding too; boundaries of other forms are text."""
    for before in (b"", b"a preamble\r\n", b"\r\n", b"--c\r\n--bx\r\n", b"x" * (MAX_PREAMBLE - 100) + b"\r\n"):
        for behind in (b"", b"\r\n", b"\n", b" \t\r\n", b"\r\nan epilogue --b-- of words", b"\r\n\r\n"):
            assert strip_form(before + FORM + behind, b"b") == FORM
    assert strip_form(b"--b--\r\n", b"b") == b"--b--"


@pytest.mark.parametrize("body", [
    b"", PART, PART + b"--b-", PART + b"--b--x", PART + b"x--b--", b"x" + FORM, b"x" * MAX_PREAMBLE + b"\r\n" + FORM,
    PART + b"--b--\r\n" + b"x--b--" * MAX_NAMED, PART + b"--c--", b"a preamble\r\n--b--", b"\r\n--b--",
])  # fmt: skip
def test_incomplete_forms_are_rejected(body: bytes) -> None:
    """Those without a first part or the closing boundary."""
    with pytest.raises(Unparsable, match="not complete"):
        strip_form(body, b"b")


def test_boundaries_are_parsed() -> None:
    """A parameter is a token or a quoted string; missing and invalid ones are rejected."""
    for said, boundary in (("=b", b"b"), ('="a b"', b"a b"), ("=b; charset=x", b"b"), ("", None), ("=", None),
                           ("*" + "9" * 5000 + "=x", None), ("*0=a; boundary*1=b", None),
                           ('="<>"', None), ("=" + "b" * 71, None)):  # fmt: skip
        head = f"Multipart/form-data; BOUNDARY{said}".encode()
        request = Request({"type": "http", "headers": [(b"content-type", head)]})
        if boundary is None:
            with pytest.raises(Unparsable, match="no boundary"):
                form_boundary(request)
        else:
            assert form_boundary(request) == boundary
