"""HTTP front end: serves the API and dispatches work to engine processes.

Each package imports only those listed below it; a request enters through `edge`.

cli, serve, server    process, sockets; app; starting: what a start needs; opening: `layerscope open`, a client
extracting            `layerscope extract`, data sets on Ray; cluster: the connection to it
routes                resources of /v1; open_inference: all of /v2
handlers              use cases shared by both protocols
state                 objects with the lifetime of the application
registry, responses   model lookup; response building; openapi: documentation of requests and responses
requests              decoding of request bodies into typed values
edge                  HTTP protocol and ASGI middleware; engines: admission, queues, processes; options: request options
environment           variables of CUDA, Ray and other programs
errors, settings      problem documents; configuration
observing             records and log; wire, pictures: encoders of tensors and images
access                keys, quotas, client identity, CORS origins, Host validation
"""
