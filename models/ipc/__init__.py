"""Inter-process communication between the front and an engine: messages, channel, arenas."""
