"""The Open Inference Protocol, version 2, with binary tensor data, as clients of Triton and KServe speak it.

Sources: kserve/open-inference-protocol, specification/protocol/inference_rest.md; triton-inference-server/server,
docs/protocol. Where they are silent, what Triton's own server does.
"""
