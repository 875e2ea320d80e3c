"""OpenAPI schemas that FastAPI cannot infer: bodies parsed by hand, streamed replies, errors."""
