"""The front: HTTP on one side, engines on the other. Read downwards, this is the way of a request.

cli, server, app      the process, the sockets, the application
routes                the resources of /v1; open_inference: all of /v2; offline: the same without a server
handlers              use cases, for both protocols
state                 what lives as long as the service
registry, responses   which model is meant; what is answered; openapi: what is documented of both
requests              what was sent, as typed values
edge                  bytes and ASGI; engines: admission, queues, processes; options: of one request
errors, settings      problem documents; what can be set
caches, observing     values that are kept; records and log; wire, pictures: encoders
access                clients, origins, hosts
"""
