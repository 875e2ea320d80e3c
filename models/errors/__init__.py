"""All errors of the domain.

LayerscopeError
├── BadRequest            not HTTP, or a head that contradicts itself
├── LongAddress           the address is over its limit
├── LargeHead             the headers are over their limit
├── Misdirected           the Host is not a name of this service
├── CrossSite             a page of another origin requests a change
├── Unauthorized          no key, or one that is not known
├── Forbidden             the role of the key is too small
├── Unparsable            the bytes are not the format they claim to be
│   └── WrongDigest       they do not match the digest sent with them
├── NotFound              no such model, layer type or address on a path
├── FixedModel            a change of a model that is never changed
├── Unacceptable          no format the client accepts can be produced
├── UnsupportedMedia      a body of a media type that is not supported
├── TooLarge              a body, an image or a result over its limit
├── Invalid               a document, tensor or option that is not valid
│   ├── InvalidDocument, InvalidTensor, InvalidImage, InvalidOption, InvalidWeights
│   ├── UnknownAddress
│   └── Quarantined       a document that crashed two engines in a row
├── Unavailable           try again later
│   ├── NotReady          no engine has warmed up yet
│   ├── Overloaded        the queue or the reply memory is full
│   ├── RateLimited       the key has used up what it may in a minute
│   ├── Draining          the service is stopping
│   ├── EngineLost        the engine crashed while it ran this request
│   ├── DeviceMemory      the GPU has no memory left for this request
│   ├── NoGpu             a GPU is required, and the engine finds none
│   ├── TooManyConnections  more are open than the limit allows
│   ├── WeightsUnavailable  pretrained weights of Keras cannot be fetched
│   ├── StoreFull         the disk of the model store is full
│   ├── StoreReadOnly     models can be run, but not registered or removed
│   ├── StoreUnreachable  the file system of the model store does not respond
│   ├── ModelDamaged      the stored files of a model are corrupt
│   └── Superseded        the model was replaced while the request changed it
├── SlowBody              the body did not arrive in time
├── ClientDisconnected    the client closed the connection before the response
├── DeadlineExceeded      the request ran longer than its deadline
├── Unsupported           a part of a protocol that is not offered
│   ├── UnsupportedEncoding  a Content-Encoding that is not supported
│   └── UnknownMethod     a method unknown to HTTP, or not supported here
└── Internal              a bug in Layerscope; its text is only logged

Status codes belong to HTTP: service/errors/handlers.py maps each class to one.
"""

from __future__ import annotations

from collections.abc import Iterable

from models.errors.problem import LayerscopeError as LayerscopeError
from models.errors.problem import Problem as Problem
from models.errors.problem import did_you_mean as did_you_mean
from models.errors.problem import shown as shown
from models.errors.problem import suggest as suggest


class BadRequest(LayerscopeError):
    code, title = "bad_request", "The request cannot be understood"


class LongAddress(LayerscopeError):
    code, title = "address_too_long", "The address is over its limit"


class LargeHead(LayerscopeError):
    code, title = "headers_too_large", "The headers are over their limit"


class Misdirected(LayerscopeError):
    code, title = "misdirected", "This service is not known by that name"


class CrossSite(LayerscopeError):
    code, title = "cross_site", "Pages of this origin may not ask"


class Unauthorized(LayerscopeError):
    code, title = "unauthorized", "This needs a key"


class Forbidden(LayerscopeError):
    code, title = "forbidden", "The key may not do this"


class Unparsable(LayerscopeError):
    code, title = "unparsable", "The body is not what its type says"


class WrongDigest(Unparsable):
    code, title = "wrong_digest", "The body is not the one whose digest came with it"


class NotFound(LayerscopeError):
    code, title = "not_found", "There is nothing at this address"


class FixedModel(LayerscopeError):
    code, title = "fixed_model", "This model is not changed here"


class Unacceptable(LayerscopeError):
    code, title = "not_acceptable", "None of the accepted formats can be produced"


class UnsupportedMedia(LayerscopeError):
    code, title = "unsupported_media_type", "This route does not read bodies of this type"


class TooLarge(LayerscopeError):
    code, title = "too_large", "This is over a limit"


class Invalid(LayerscopeError):
    code, title = "invalid", "The request makes no sense"


class InvalidDocument(Invalid):
    code, title = "invalid_document", "The model document makes no sense"


class InvalidTensor(Invalid):
    code, title = "invalid_tensor", "The input tensor does not fit"


class InvalidImage(Invalid):
    code, title = "invalid_image", "The image cannot be read"


class InvalidOption(Invalid):
    code, title = "invalid_option", "An option makes no sense"


class InvalidWeights(Invalid):
    code, title = "invalid_weights", "The weights do not fit the network"


class UnknownAddress(Invalid):
    code, title = "unknown_address", "No layer answers to this address"


class Quarantined(Invalid):
    code, title = "quarantined", "This document has killed two engines in a row and is not run again for a while"


class Unavailable(LayerscopeError):
    """A temporary failure; `seconds` is the time to wait before a retry."""

    code, title = "unavailable", "Try again later"

    def __init__(self, detail: str = "", problems: Iterable[Problem] = (), seconds: float = 1.0) -> None:
        super().__init__(detail, problems)
        self.seconds = seconds


class NotReady(Unavailable):
    code, title = "not_ready", "No engine is ready yet"


class Overloaded(Unavailable):
    code, title = "overloaded", "Too many requests are waiting"


class RateLimited(Unavailable):
    code, title = "rate_limited", "The key has used up what it may for now"


class Draining(Unavailable):
    code, title = "draining", "The service is stopping"


class EngineLost(Unavailable):
    code, title = "engine_lost", "The engine died while it ran this request"


class DeviceMemory(Unavailable):
    code, title = "device_memory", "The GPU has no memory left for this request"


class NoGpu(Unavailable):
    code, title = "no_gpu", "A GPU is required here and the engine sees none"


class TooManyConnections(Unavailable):
    code, title = "too_many_connections", "More connections are open than are served"


class WeightsUnavailable(Unavailable):
    code, title = "weights_unavailable", "The weights that Keras offers cannot be had"


class StoreFull(Unavailable):
    code, title = "store_full", "There is no room left where models and uploads are kept"


class StoreReadOnly(Unavailable):
    code, title = "store_read_only", "Nothing can be written where models and uploads are kept"


class StoreUnreachable(Unavailable):
    code, title = "store_unreachable", "The place where models are kept does not answer"


class ModelDamaged(Unavailable):
    code, title = "model_damaged", "What is stored of this model is damaged"


class Superseded(Unavailable):
    code, title = "superseded", "The model was replaced while this request changed it"


class SlowBody(LayerscopeError):
    code, title = "slow_body", "The body did not arrive in time"


class ClientDisconnected(LayerscopeError):
    code, title = "hung_up", "Whoever asked hung up before the answer"


class DeadlineExceeded(LayerscopeError):
    code, title = "deadline_exceeded", "The request ran longer than its deadline"


class Unsupported(LayerscopeError):
    code, title = "unsupported", "This part of the protocol is not offered"


class UnsupportedEncoding(Unsupported):
    code, title = "unsupported_encoding", "Bodies are not read in this Content-Encoding"


class UnknownMethod(Unsupported):
    code, title = "unknown_method", "There is no such method here"


class Internal(LayerscopeError):
    code, title = "internal", "Layerscope has a defect"


def all_errors(base: type[LayerscopeError] = LayerscopeError) -> list[type[LayerscopeError]]:
    """Return all subclasses of `base`, parents first."""
    children = base.__subclasses__()
    return children + [error for child in children for error in all_errors(child)]


def error_of(code: str, detail: str, problems: Iterable[Problem]) -> LayerscopeError:
    """Rebuild from its code an error that another process raised."""
    classes = {error.code: error for error in all_errors()}
    return classes.get(code, Internal)(detail, problems)
