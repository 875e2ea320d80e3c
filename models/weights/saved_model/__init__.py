"""Reader of TensorFlow's SavedModel folders of Keras models, in archives. No graph is run, and nothing of TensorFlow is
imported.

    archive ─members─▶ saved_model.pb ─object_graph─▶ objects ─layers─▶ each layer's variables, in order
                       variables.index ─table, bundle─▶ where their numbers are

`wire` reads protocol buffers: it knows the few fields that are needed and steps over the rest, most of all the graphs,
without parsing them. What is here runs in the short-lived process of `process`, `packing` and `source` aside.
"""
