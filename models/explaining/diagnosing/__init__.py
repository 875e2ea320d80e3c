"""What findings are given of a layer's run, and the figures that several of them need."""
