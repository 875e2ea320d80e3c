"""The model store: names, documents, weights, scratch files."""
