"""Networks: documents expanded into layer calls, their addresses and their order."""
