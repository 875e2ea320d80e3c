"""`/metrics`: figures for Prometheus."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from service.observing.metrics import Metrics

router = APIRouter(tags=["health"])
CONTENT = {"text/plain": {"schema": {"type": "string"}}}
TEXT: dict[int | str, dict[str, Any]] = {200: {"content": CONTENT, "description": "The metrics."}}


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response, responses=TEXT)
async def get_metrics(request: Request) -> Response:
    """Requests, times, queues, engines and memory, in the text format of Prometheus, or OpenMetrics by `Accept`."""
    metrics: Metrics = request.app.state.metrics
    body, media_type = await metrics.exposition(request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": media_type})
