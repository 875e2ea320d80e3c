"""Suggestions for unknown paths, among them the paths that other model servers use."""

from __future__ import annotations

import re

from fastapi import Request
from starlette.routing import Route

from models.errors import Problem, did_you_mean, shown
from models.limits import NAME
from service.errors.allow import allowed

MODEL = r"(?P<name>[^/]+?)"
VERSION = r"(?:/(?:versions|labels)/[^/:]+)?"
REFERENCE = re.compile(rf"{NAME.pattern}|sha256:[0-9a-f]{{64}}")
"""A name, or an id."""
RUN = 'POST /v1/models/{name}/activations runs it on {"inputs": …}, POST /v2/models/{name}/infer as KServe does'
RUN_ANY = "POST /v1/activations runs a model that comes along, POST /v1/models/{name}/activations a registered one"
SHOW = "GET /v1/models/{name} shows a model, GET /v2/models/{name} its inputs and outputs"
LIST = "GET /v1/models lists the registered models, PUT /v1/models/{name} registers one"
PAGES = "GET /docs explains the API"
PAGE = "GET / is the page for browsers, GET /docs explains the API"
RUN_VERBS = "predict|predictions?|inference|run|invoke|forward|generate|generate_stream|explain"
VERB_PATH = rf"/v1/models/{MODEL}{VERSION}:(?:predict|classify|regress|explain)"
"""A path of TensorFlow Serving and KServe; model names here have no colon."""
FOREIGN_PATHS: tuple[tuple[str, str], ...] = (
    (VERB_PATH, RUN),
    (rf"/v[12]/models/{MODEL}{VERSION}/(?:{RUN_VERBS})", RUN),
    (rf"/v1/models/{MODEL}{VERSION}/infer|/v2/models/(?P<other>[^/]+){VERSION}/activations", RUN),
    (rf"/v1/models/{MODEL}/(?:versions|labels)/[^/:]+(?:/metadata)?|/v1/models/(?P<other>[^/]+)/metadata", SHOW),
    (rf"/(?:predictions|explanations)/{MODEL}(?:/[^/]+)?", RUN),
    (rf"/(?:api/)?models/{MODEL}/(?:{RUN_VERBS}|infer|activations)", RUN),
    (r"/(?:api/)?models(?:/[^/]+)?", LIST),
    (rf"/(?:v1/)?(?:{RUN_VERBS}|infer|invocations|score|process|upload)/?|/activations/?", RUN_ANY),
    (r"/(?:gradio_api|api|run|call)/.*", RUN_ANY),
    (r"/(?:v1/)?(?:health|healthcheck|health_check|livez?|alive|ping|status|heartbeat)(?:/live)?/?", "GET /healthz"),
    (r"/(?:v1/)?(?:ready|readiness|health/ready)/?", "GET /readyz, or GET /v2/health/ready"),
    (r"/plan|/layers", "POST /v1/plan, GET /v1/layers"),
    (r"/v1/openapi\.json|/swagger\.json|/(?:v1/)?(?:openapi|swagger)\.ya?ml", "GET /openapi.json"),
    (r"/(?:index\.html|ui|web|app|home)/?", PAGE),
    (r"/(?:redoc|swagger|api|api-docs|doc|help|v1)/?", PAGES),
)
"""Paths of TensorFlow Serving, KServe, TorchServe, MLflow, Gradio and others, and their equivalents here."""


def describe_unrouted(request: Request, status: int) -> tuple[int, tuple[Problem, ...]]:
    """Return the status and problems for a path without a route, or without one for its method."""
    path = request.url.path
    if status == 405 and not re.fullmatch(VERB_PATH, path):
        return status, (_wrong_method(request, path),)
    if status not in (404, 405):
        return status, ()
    near = did_you_mean(path, _static_paths(request), 0.8)
    advice = _advice(path) or (f"the nearest is {near}" if near else PAGES)
    return 404, (Problem("", "there is nothing at this address", "an address of GET /docs", shown(path, 200), advice),)


def _advice(path: str) -> str | None:
    """Return the equivalent here of another server's path."""
    for pattern, advice in FOREIGN_PATHS:
        match = re.fullmatch(pattern, path)
        if match is not None:
            name = next((group for group in match.groups() if group), "")
            return advice.replace("{name}", name) if REFERENCE.fullmatch(name) else advice
    return None


def _static_paths(request: Request) -> list[str]:
    """Return the paths without parameters."""
    return [route.path for route in request.app.routes if isinstance(route, Route) and "{" not in route.path]


def _wrong_method(request: Request, path: str) -> Problem:
    methods = allowed(request)
    is_model = re.fullmatch(rf"/v1/models/{MODEL}", path)
    name = is_model["name"] if is_model is not None and REFERENCE.fullmatch(is_model["name"]) else "{name}"
    is_run = is_model is not None and request.method == "POST"
    advice = RUN.replace("{name}", name) if is_run else None
    message = f"this address does not take {shown(request.method, 20)}"
    return Problem("", message, f"one of {methods}", shown(request.method, 20), advice)
