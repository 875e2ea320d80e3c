"""Detection of file and text formats by content, and the problems of those that are not supported."""
