"""The models that are kept: names, documents, weights, scratch files."""
