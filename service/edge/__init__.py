"""HTTP protocol and ASGI middleware: connections, limits on heads and bodies, refusals. Independent of models."""
