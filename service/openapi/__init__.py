"""What FastAPI cannot see of the API: bodies that are read by hand, replies that are streamed, errors."""
