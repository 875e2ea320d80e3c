"""Networks, without HTTP. Read downwards, each folder knows those below it.

engine                what imports TensorFlow and Keras, a process of its own
ipc, store, writing   what it shares with the front; models that are kept; networks written out
networks, reading     documents expanded; whatever describes a network, read; weights: files and what they fit
documents             the schema, and where its parts stand in what was sent
images, views         pictures in, parts of tensors out; json_text: JSON before it is parsed
layers, tensors       the catalogue; arrays and their formats
files, suggestions    kinds of files by their first bytes; what words are meant for
errors                one class each; problems, limits, child: what they are made of
"""
