"""What the front and an engine share: messages, channel, arenas."""
