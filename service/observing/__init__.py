"""Request records, engine traces and logging."""
