"""Networks written out again: short form, summary, Keras' JSON."""
