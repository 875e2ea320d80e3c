"""From bytes to ASGI and back: connections, limits of heads and bodies, refusals. Knows no model."""
