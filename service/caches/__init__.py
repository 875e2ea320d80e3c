"""Values that are kept and work that is shared."""
