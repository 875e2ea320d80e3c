"""Replies of a service to a document: to its plan, and to two runs of it, of which the second is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

Json = Any
REFUSALS = (400, 413, 422)


class Replies(NamedTuple):
    """The replies to a plan and to two runs."""

    plan: httpx.Response
    runs: tuple[httpx.Response, ...]

    @property
    def statuses(self) -> list[int]:
        """The status codes."""
        return [self.plan.status_code, *(run.status_code for run in self.runs)]

    def fault(self) -> str | None:
        """Return what is wrong with them: a defect, a plan of something else than is computed, or a refusal that the
        plan does not know of. A free length or a value may of course be refused in a run alone.
        """
        if any(status not in (200, *REFUSALS) for status in self.statuses):
            return "not answered"
        for run in self.runs:
            if run.status_code == 200 and self.plan.status_code != 200:
                return "run, though the plan refuses it"
            if run.status_code == 200 and not _fits(self.plan.json(), run.json()):
                return "not as planned"
            if (
                run.status_code == 422
                and self.plan.status_code == 200
                and not _may_differ(self.plan.json(), run.json())
            ):
                return "refused, though it was planned"
        return None


def plan_and_run(client: httpx.Client, model: Json, inputs: Mapping[str, Json]) -> Replies:
    """Plan a document, and run it twice."""
    plan = client.post("/v1/plan", json={"model": model, "batch": None})
    run = {"model": model, "inputs": inputs, "data": "none", "stats": False}
    return Replies(plan, tuple(client.post("/v1/activations", json=run) for _ in range(2)))


def _fits(plan: Json, run: Json) -> bool:
    """Whether every layer has the shape and dtype that were planned."""
    planned = {row["address"]: row for row in plan["layers"]}
    return all(_fits_row(planned[row["address"]], row) for row in run["layers"])


def _fits_row(planned: Json, row: Json) -> bool:
    lengths = zip(planned["shape"], row["shape"], strict=False)
    same_rank = len(planned["shape"]) == len(row["shape"])
    return same_rank and planned["dtype"] == row["dtype"] and all(one in (None, other) for one, other in lengths)


def _may_differ(plan: Json, problem: Json) -> bool:
    """Whether a refusal is about the inputs: their values, or lengths that the plan did not know."""
    free = any(None in row["shape"][1:] for row in plan["inputs"].values())
    return free or problem["code"] == "invalid_tensor"
