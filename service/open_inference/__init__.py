"""The Open Inference Protocol, version 2, with binary tensor data, as used by clients of Triton and KServe.

Sources: kserve/open-inference-protocol, specification/protocol/inference_rest.md; triton-inference-server/server,
docs/protocol. What they leave open follows Triton's own server.
"""
