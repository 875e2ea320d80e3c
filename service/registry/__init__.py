"""Resolution of names, documents and applications to models that can be run."""
