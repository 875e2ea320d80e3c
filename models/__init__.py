"""The domain of networks, independent of HTTP. Each folder imports only those listed below it.

engine                the only code that imports TensorFlow and Keras; runs in its own process
ipc, store, writing   messages between front and engine; stored models; serializers of networks
explaining            analyses of runs: targets, methods of explanation, and questions to engines
networks, reading     expanded networks; parsers of every model format; weights: files matched to a network
documents             the schema of model documents, and pointers into the request that sent one
images, views         decoders of input images; views of output tensors; json_text: checks and chunked parsing
layers, tensors       the layer catalogue; arrays and their file formats
files                 detection of file formats by signature
errors                error classes, problems that name a field, and suggestions for unknown names
limits, lru_cache     size limits; a bounded cache; child: processes that end with their parent; resident_memory
"""
