"""All errors of this package: a class for each `code` of the service, and those of failures.py.

Written by clients/python/write_errors.py from openapi/openapi.json.
"""

from __future__ import annotations

from collections.abc import Mapping

from layerscope_client.failures import BrokenReply as BrokenReply
from layerscope_client.failures import ConnectionLost as ConnectionLost
from layerscope_client.failures import LayerscopeError as LayerscopeError
from layerscope_client.failures import NotStarted as NotStarted
from layerscope_client.failures import OnlyCode as OnlyCode
from layerscope_client.failures import OverBudget as OverBudget
from layerscope_client.failures import Problem as Problem
from layerscope_client.failures import Refused as Refused
from layerscope_client.failures import TimedOut as TimedOut


class AddressTooLong(Refused):
    """The address is over its limit (414)."""

    code = "address_too_long"


class BadRequest(Refused):
    """The request cannot be understood (400)."""

    code = "bad_request"


class CrossSite(Refused):
    """Pages of this origin may not ask (403)."""

    code = "cross_site"


class DeadlineExceeded(Refused):
    """The request ran longer than its deadline (504)."""

    code = "deadline_exceeded"


class FixedModel(Refused):
    """This model is not changed here (409)."""

    code = "fixed_model"


class Forbidden(Refused):
    """The key may not do this (403)."""

    code = "forbidden"


class HeadersTooLarge(Refused):
    """The headers are over their limit (431)."""

    code = "headers_too_large"


class HungUp(Refused):
    """Whoever asked hung up before the answer (499)."""

    code = "hung_up"


class Internal(Refused):
    """Layerscope has a defect (500)."""

    code = "internal"


class Invalid(Refused):
    """The request makes no sense (422)."""

    code = "invalid"


class MethodNotAllowed(Refused):
    """This address does not take this method (405)."""

    code = "method_not_allowed"


class Misdirected(Refused):
    """This service is not known by that name (421)."""

    code = "misdirected"


class NotAcceptable(Refused):
    """None of the accepted formats can be produced (406)."""

    code = "not_acceptable"


class NotFound(Refused):
    """There is nothing at this address (404)."""

    code = "not_found"


class SlowBody(Refused):
    """The body did not arrive in time (408)."""

    code = "slow_body"


class TooLarge(Refused):
    """This is over a limit (413)."""

    code = "too_large"


class Unauthorized(Refused):
    """This needs a key (401)."""

    code = "unauthorized"


class Unavailable(Refused):
    """Try again later (503)."""

    code = "unavailable"


class Unparsable(Refused):
    """The body is not what its type says (400)."""

    code = "unparsable"


class Unsupported(Refused):
    """This part of the protocol is not offered (501)."""

    code = "unsupported"


class UnsupportedMediaType(Refused):
    """This route does not read bodies of this type (415)."""

    code = "unsupported_media_type"


class DeviceMemory(Unavailable):
    """The GPU has no memory left for this request (503)."""

    code = "device_memory"


class Draining(Unavailable):
    """The service is stopping (503)."""

    code = "draining"


class EngineLost(Unavailable):
    """The engine died while it ran this request (503)."""

    code = "engine_lost"


class InvalidDocument(Invalid):
    """The model document makes no sense (422)."""

    code = "invalid_document"


class InvalidImage(Invalid):
    """The image cannot be read (422)."""

    code = "invalid_image"


class InvalidOption(Invalid):
    """An option makes no sense (422)."""

    code = "invalid_option"


class InvalidTensor(Invalid):
    """The input tensor does not fit (422)."""

    code = "invalid_tensor"


class InvalidWeights(Invalid):
    """The weights do not fit the network (422)."""

    code = "invalid_weights"


class ModelDamaged(Unavailable):
    """What is stored of this model is damaged (503)."""

    code = "model_damaged"


class NoGpu(Unavailable):
    """A GPU is required here and the engine sees none (503)."""

    code = "no_gpu"


class NotReady(Unavailable):
    """No engine is ready yet (503)."""

    code = "not_ready"


class Overloaded(Unavailable):
    """Too many requests are waiting (503)."""

    code = "overloaded"


class Quarantined(Invalid):
    """This document has killed two engines in a row and is not run again for a while (422)."""

    code = "quarantined"


class RateLimited(Unavailable):
    """The key has used up what it may for now (429)."""

    code = "rate_limited"


class StoreFull(Unavailable):
    """There is no room left where models and uploads are kept (503)."""

    code = "store_full"


class StoreReadOnly(Unavailable):
    """Nothing can be written where models and uploads are kept (503)."""

    code = "store_read_only"


class StoreUnreachable(Unavailable):
    """The place where models are kept does not answer (503)."""

    code = "store_unreachable"


class Superseded(Unavailable):
    """The model was replaced while this request changed it (503)."""

    code = "superseded"


class TooManyConnections(Unavailable):
    """More connections are open than are served (503)."""

    code = "too_many_connections"


class UnknownAddress(Invalid):
    """No layer answers to this address (422)."""

    code = "unknown_address"


class UnknownMethod(Unsupported):
    """There is no such method here (501)."""

    code = "unknown_method"


class UnsupportedEncoding(Unsupported):
    """Bodies are not read in this Content-Encoding (501)."""

    code = "unsupported_encoding"


class WeightsUnavailable(Unavailable):
    """The weights that Keras offers cannot be had (503)."""

    code = "weights_unavailable"


class WrongDigest(Unparsable):
    """The body is not the one whose digest came with it (400)."""

    code = "wrong_digest"


BY_CODE: Mapping[str, type[Refused]] = {
    "address_too_long": AddressTooLong,
    "bad_request": BadRequest,
    "cross_site": CrossSite,
    "deadline_exceeded": DeadlineExceeded,
    "device_memory": DeviceMemory,
    "draining": Draining,
    "engine_lost": EngineLost,
    "fixed_model": FixedModel,
    "forbidden": Forbidden,
    "headers_too_large": HeadersTooLarge,
    "hung_up": HungUp,
    "internal": Internal,
    "invalid": Invalid,
    "invalid_document": InvalidDocument,
    "invalid_image": InvalidImage,
    "invalid_option": InvalidOption,
    "invalid_tensor": InvalidTensor,
    "invalid_weights": InvalidWeights,
    "method_not_allowed": MethodNotAllowed,
    "misdirected": Misdirected,
    "model_damaged": ModelDamaged,
    "no_gpu": NoGpu,
    "not_acceptable": NotAcceptable,
    "not_found": NotFound,
    "not_ready": NotReady,
    "overloaded": Overloaded,
    "quarantined": Quarantined,
    "rate_limited": RateLimited,
    "slow_body": SlowBody,
    "store_full": StoreFull,
    "store_read_only": StoreReadOnly,
    "store_unreachable": StoreUnreachable,
    "superseded": Superseded,
    "too_large": TooLarge,
    "too_many_connections": TooManyConnections,
    "unauthorized": Unauthorized,
    "unavailable": Unavailable,
    "unknown_address": UnknownAddress,
    "unknown_method": UnknownMethod,
    "unparsable": Unparsable,
    "unsupported": Unsupported,
    "unsupported_encoding": UnsupportedEncoding,
    "unsupported_media_type": UnsupportedMediaType,
    "weights_unavailable": WeightsUnavailable,
    "wrong_digest": WrongDigest,
}
"""The class of each code."""
