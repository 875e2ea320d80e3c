"""What is noted of requests, and the log."""
