"""The servers' programs, each run in its own virtual environment: `python -m benchmarks.servers.NAME FOLDER PORT`."""
