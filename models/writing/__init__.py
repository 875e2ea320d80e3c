"""Writers of networks: short form, summary, Keras' JSON."""
