"""Files of deploy/ray: by Ray's own schema, and Kubernetes' parts by what they must agree on."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from service.settings import PREFIX, Settings, load

FOLDER = Path(__file__).parents[3] / "deploy/ray"
STOP_SECONDS = 15
"""What a stop may take beside the deadline."""


def documents(name: str) -> list[dict[str, Any]]:
    """Return the documents of a file."""
    return list(YAML(typ="safe").load_all(FOLDER / name))


@pytest.fixture(scope="module")
def cluster() -> dict[str, Any]:
    """The specification of KubeRay's cluster."""
    (document,) = documents("raycluster.yaml")
    assert (document["apiVersion"], document["kind"]) == ("ray.io/v1", "RayCluster")
    return dict(document["spec"])


def pods(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the specifications of all pods, the front's included."""
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    deployment = next(one for one in documents("front.yaml") if one["kind"] == "Deployment")
    return [group["template"]["spec"] for group in groups] + [deployment["spec"]["template"]["spec"]]


def test_ray_accepts_the_cluster_of_machines() -> None:
    """By the schema that `ray up` uses; without Ray Serve, and nothing is reported to anybody."""
    schema = json.loads(files("ray.autoscaler").joinpath("ray-schema.json").read_text())
    text = (FOLDER / "cluster.yaml").read_text()
    (document,) = documents("cluster.yaml")
    jsonschema.validate(document, schema)
    assert "serve" not in re.sub(r"#.*", "", text)
    starts = [one for kind in ("head", "worker") for one in document[f"{kind}_start_ray_commands"] if "start" in one]
    assert len(starts) == 2
    assert all("--disable-usage-stats" in command for command in starts)


def test_the_cluster_of_kubernetes_has_the_locked_ray(cluster: dict[str, Any]) -> None:
    """Pickles and messages need one version everywhere; every group is complete."""
    assert cluster["rayVersion"] == version("ray")
    assert cluster["enableInTreeAutoscaling"] is True
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert cluster["headGroupSpec"]["rayStartParams"]["disable-usage-stats"] == "true"
    groups = {group["groupName"]: group for group in cluster["workerGroupSpecs"]}
    assert set(groups) == {"cpu", "gpu"}
    for group in groups.values():
        assert 0 <= group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    (container,) = groups["gpu"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_pods_have_no_more_rights_than_they_need(cluster: dict[str, Any]) -> None:
    """No root, no capabilities, bounded memory; volumes that are mounted exist; an end has the time that it needs."""
    for pod in pods(cluster):
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
        assert "memory" in container["resources"]["limits"]
        assert {mount["name"] for mount in container["volumeMounts"]} <= {volume["name"] for volume in pod["volumes"]}
        assert container["image"].startswith("layerscope:ray")
        assert {"livenessProbe", "readinessProbe"} <= set(container), "KubeRay's own need tools that the image lacks"
        seconds = pod.get("terminationGracePeriodSeconds", 45)
        assert seconds >= Settings().deadline + STOP_SECONDS


def test_the_front_finds_the_cluster(cluster: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings are valid, and name the service of the head, the port of Ray's client, and what fits a node."""
    front, service = documents("front.yaml")
    pod = front["spec"]["template"]
    variables = {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = load()
    (document,) = documents("raycluster.yaml")
    ports = cluster["headGroupSpec"]["template"]["spec"]["containers"][0]["ports"]
    (client,) = (port["containerPort"] for port in ports if port["name"] == "client")
    assert settings.ray == f"ray://{document['metadata']['name']}-head-svc:{client}"
    workers = next(group for group in cluster["workerGroupSpecs"] if group["groupName"] == "cpu")
    assert settings.ray_cpus <= float(workers["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"])
    assert settings.engines_max <= workers["maxReplicas"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    assert front["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert all(name.startswith(PREFIX) for name in variables)
