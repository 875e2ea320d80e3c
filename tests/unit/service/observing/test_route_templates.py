"""Templates of routes: the one that a path would be routed to."""

from __future__ import annotations

from service.observing.route_templates import NONE, RouteTemplates


def test_the_first_template_that_matches_a_path_is_found() -> None:
    """Parameters stand for a segment, those of paths for several."""
    templates = RouteTemplates(["/v2/models/stats", "/v2/models/{name}", "/v1/models/{name}/layers/{address:path}/w"])
    assert templates.of_path("/v2/models/stats") == "/v2/models/stats"
    assert templates.of_path("/v2/models/other") == "/v2/models/{name}"
    assert templates.of_path("/v1/models/a/layers/b/c/w") == "/v1/models/{name}/layers/{address:path}/w"
    assert templates.of_path("/v2/models/a/b") == NONE
    assert templates.of_path("/") == NONE
