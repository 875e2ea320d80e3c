"""What browsers are told of what they show: pages and pictures of ours use nothing of others, and stand in no frame.

Source: Content Security Policy 3, the Fetch standard (Cross-Origin-Resource-Policy).
"""

from __future__ import annotations

import base64
import re
from hashlib import sha256

SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
FRAMES = "frame-ancestors 'none'"
BOTH = {"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}
"""Browsers that know `frame-ancestors` pass over the first."""
PICTURE = {
    **BOTH,
    "Content-Security-Policy": f"default-src 'none'; style-src 'unsafe-inline'; {FRAMES}",
    "Cross-Origin-Resource-Policy": "same-site",
}
"""Of pictures, which an <img> of another port of this machine may show; SVG that is opened by itself is a document."""


FILES = {**BOTH, "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-cache"}
"""Of what pages are made of. It is asked for again each time: another version of the service has others."""


def page(html: str) -> dict[str, str]:
    """The headers of a page whose scripts are files of ours, or stand in it now. Swagger UI writes styles into its
    elements, and has icons that are data.
    """
    scripts = " ".join(["'self'", *(f"'sha256-{_digest(text)}'" for text in SCRIPT.findall(html))])
    policy = (
        "default-src 'self'", f"script-src {scripts}", "style-src 'self' 'unsafe-inline'", "img-src 'self' data:",
        "object-src 'none'", "base-uri 'none'", "form-action 'self'", FRAMES,
    )  # fmt: skip
    return {**FILES, "Content-Security-Policy": "; ".join(policy)}


def _digest(text: str) -> str:
    return base64.b64encode(sha256(text.encode()).digest()).decode()
