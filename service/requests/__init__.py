"""Request parsing: bodies, forms and uploads into typed values, and payloads bound to inputs."""
