"""Layerscope from Python: `Layerscope(url)` waits, `AsyncLayerscope(url)` is awaited, `local()` starts a service.

client, local      services; extracting, features: many files into one
models             the verbs; uploads: what `put` takes; inputs: what runs take
replies, html      what comes back, and what a notebook shows of it
sending            calls over a client of httpx or httpx2; calls: requests and replies without a network
tensors            bytes as arrays; errors: a class for each code (generated), failures: what they have in common
"""

from __future__ import annotations

from layerscope_client import errors as errors
from layerscope_client.client import AsyncLayerscope as AsyncLayerscope
from layerscope_client.client import Layerscope as Layerscope
from layerscope_client.errors import LayerscopeError as LayerscopeError
from layerscope_client.errors import Refused as Refused
from layerscope_client.local import local as local
from layerscope_client.models import AsyncModel as AsyncModel
from layerscope_client.models import Model as Model
