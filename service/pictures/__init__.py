"""Pictures of tensors, drawn in the front from what an engine computed: maps as pixels, histograms as bars."""
