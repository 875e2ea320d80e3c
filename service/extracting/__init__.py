"""`layerscope extract`: the activations of a data set, in shards that are written independently."""
