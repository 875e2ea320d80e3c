"""Model documents: their schema and their JSON representation."""
