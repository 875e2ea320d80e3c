"""Networks: documents expanded into calls, their addresses and their order."""
