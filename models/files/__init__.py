"""What files and texts are by what they hold, and what is said of those that are not read."""
