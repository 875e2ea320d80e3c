"""Security headers for browsers: pages and pictures load nothing from other origins and cannot be framed.

Source: Content Security Policy 3, the Fetch standard (Cross-Origin-Resource-Policy).
"""

from __future__ import annotations

import base64
import re
from hashlib import sha256

SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
FRAMES = "frame-ancestors 'none'"
COMMON = {"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}
"""Browsers that support `frame-ancestors` ignore X-Frame-Options."""
PICTURE_HEADERS = {
    **COMMON,
    "Content-Security-Policy": f"default-src 'none'; style-src 'unsafe-inline'; {FRAMES}",
    "Cross-Origin-Resource-Policy": "same-site",
}
"""Headers of pictures, which an <img> on another port of this machine may show; a directly opened SVG is a document."""
FILE_HEADERS = {**COMMON, "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-cache"}
"""Headers of page assets, which are revalidated each time: another version of the service has other ones."""
ASSET_HEADERS = {**FILE_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
"""Headers of files whose names change with their content."""
APPLICATION_HEADERS = {
    **FILE_HEADERS,
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    f"font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; {FRAMES}",
}
"""Headers of the page `/`: nothing inline, from no other origin; pictures that it was given or drew itself."""


def page_headers(html: str) -> dict[str, str]:
    """Return the headers of a page whose scripts are files of this service or inline. Swagger UI uses inline styles and
    data: icons.
    """
    scripts = " ".join(["'self'", *(f"'sha256-{_digest(text)}'" for text in SCRIPT.findall(html))])
    policy = (
        "default-src 'self'", f"script-src {scripts}", "style-src 'self' 'unsafe-inline'", "img-src 'self' data:",
        "object-src 'none'", "base-uri 'none'", "form-action 'self'", FRAMES,
    )  # fmt: skip
    return {**FILE_HEADERS, "Content-Security-Policy": "; ".join(policy)}


def _digest(text: str) -> str:
    return base64.b64encode(sha256(text.encode()).digest()).decode()
