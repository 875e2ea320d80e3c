"""What deploy/kubernetes and deploy/kserve would apply: kustomize's output, and the schemas of its resources."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
SCHEMAS = Path(__file__).parent / "schemas"
"""Of resources that Kubernetes itself does not have: from the definitions of the projects that do."""
VERSIONS = ("1.32", "1.37")
"""The oldest version of Kubernetes that the manifests are for (it has `sleep`), and the newest."""
OPEN = ("additionalProperties", "x-kubernetes-preserve-unknown-fields")


@cache
def resources(overlay: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the resources of a folder of deploy/kubernetes, by kind and name without kustomize's digest."""
    kubectl = Path(sysconfig.get_path("scripts")) / "kubectl"
    command = [kubectl, "kustomize", ROOT / "deploy/kubernetes" / overlay]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {(one["kind"], one["metadata"]["name"]): one for one in documents(text)}


def documents(text: str | Path) -> list[dict[str, Any]]:
    """Return the documents of a YAML file or text."""
    return [one for one in YAML(typ="safe").load_all(text) if one is not None]


def problems(resource: dict[str, Any]) -> list[str]:
    """Return what is wrong with a resource, unknown fields too."""
    own = SCHEMAS / f"{resource['kind']}.json"
    if own.exists():
        schema = closed(json.loads(own.read_text()))
        return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(resource)]
    try:
        for version in VERSIONS:
            kubernetes_validate.validate(resource, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{error.json_path}: {error.message}"]
    return []


def closed(schema: Any) -> Any:
    """Return a schema of a custom resource that refuses unknown fields, as `kubectl apply --validate=strict` does."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    properties = schema.get("properties")
    if isinstance(properties, dict) and "type" in schema and not any(name in schema for name in OPEN):
        inner["additionalProperties"] = False
        if "apiVersion" in properties:
            inner["properties"]["metadata"] = {"type": "object", "required": ["name"]}
    return inner
