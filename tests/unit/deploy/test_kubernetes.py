"""deploy/kubernetes and deploy/kserve: valid for Kubernetes and its operators, confined, scaled by what there is."""

from __future__ import annotations

import re
from typing import Any

import promql_parser
import pytest

from service.engines.process import STOP_SECONDS
from service.server import CANCEL_SECONDS, SEND_SECONDS
from service.settings import PREFIX, Settings
from tests.unit.deploy.manifests import ROOT, documents, problems, resources
from tests.unit.deploy.proxied import CONFIGURATION
from tests.unit.test_observability import series

KSERVE = ROOT / "deploy/kserve"
ADAPTER = ROOT / "deploy/kubernetes/prometheus-adapter.yaml"
OVERLAYS = ("base", "gpu")


def pod_of(overlay: str, name: str = "layerscope") -> dict[str, Any]:
    """Return the specification of a deployment's pods."""
    pod: dict[str, Any] = resources(overlay)["Deployment", name]["spec"]["template"]["spec"]
    return pod


def runtime() -> dict[str, Any]:
    """Return the specification of the runtime of KServe."""
    (one,) = documents(KSERVE / "runtime.yaml")
    return dict(one["spec"])


def containers() -> list[dict[str, Any]]:
    """Return every container."""
    pods = [pod_of(overlay, name) for overlay in OVERLAYS for name in ("layerscope", "layerscope-proxy")]
    return [container for pod in (*pods, runtime()) for container in pod["containers"]]


def settings_of(overlay: str) -> dict[str, str]:
    """Return the settings of an overlay's instances."""
    name = pod_of(overlay)["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    return dict(resources(overlay)["ConfigMap", name]["data"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_resources_are_valid(overlay: str) -> None:
    """By the schemas of the oldest and newest Kubernetes, and of the operator of Prometheus, unknown fields refused."""
    found = {key: problems(one) for key, one in resources(overlay).items()}
    assert {key: wrong for key, wrong in found.items() if wrong} == {}
    kinds = {kind for kind, _ in found}
    assert kinds >= {"Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "NetworkPolicy"}
    assert "ServiceMonitor" in kinds


@pytest.mark.parametrize("name", ["runtime", "digits"])
def test_resources_of_kserve_are_valid(name: str) -> None:
    """By KServe's own schemas."""
    assert [problems(one) for one in documents(KSERVE / f"{name}.yaml")] == [[]]


def test_wrong_resources_are_found() -> None:
    """A misspelt field and a value of another type, in resources of Kubernetes and in others."""
    (digits,) = documents(KSERVE / "digits.yaml")
    assert problems(digits | {"spec": {"predictor": {"model": {"modelFormat": {"name": "keras"}, "runtme": "x"}}}})
    monitor = resources("base")["ServiceMonitor", "layerscope"]
    assert problems(monitor | {"spec": monitor["spec"] | {"endpoints": [{"port": 8000}]}})
    service = resources("base")["Service", "layerscope"]
    assert problems(service | {"spec": service["spec"] | {"selectors": {}}})


def test_containers_are_confined() -> None:
    """Not root, no privileges, a root file system that is read, bounded memory."""
    for container in containers():
        security = container["securityContext"]
        assert (security["allowPrivilegeEscalation"], security["readOnlyRootFilesystem"]) == (False, True)
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
    for overlay in OVERLAYS:
        for name in ("layerscope", "layerscope-proxy"):
            pod = pod_of(overlay, name)
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["automountServiceAccountToken"] is False
    assert runtime()["containers"][0]["securityContext"]["runAsNonRoot"] is True


def test_service_links_set_no_variables() -> None:
    """Kubernetes would set LAYERSCOPE_PORT for a service named layerscope, and the start would fail."""
    (digits,) = documents(KSERVE / "digits.yaml")
    assert [pod_of(overlay)["enableServiceLinks"] for overlay in OVERLAYS] == [False, False]
    assert digits["spec"]["predictor"]["enableServiceLinks"] is False


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_instances_write_where_they_may(overlay: str) -> None:
    """In what the image says, each a volume of bounded size; uploads fit."""
    pod = pod_of(overlay)
    written = {mount["mountPath"]: mount["name"] for mount in pod["volumeMounts"]} if "volumeMounts" in pod else {}
    (container,) = pod["containers"]
    written |= {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    sizes = {volume["name"]: volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if "emptyDir" in volume}
    assert {path for path, name in written.items() if name in sizes} == {"/tmp", "/data"}  # noqa: S108
    most = Settings().max_uploads * int(Settings().max_weights)
    assert int(sizes[written["/tmp"]].removesuffix("Gi")) * 2**30 > most  # noqa: S108


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_exist(overlay: str) -> None:
    """And are those that the proxy needs; keys and the bucket's are secrets."""
    given = settings_of(overlay)
    assert {name for name in given if name.startswith(PREFIX)} <= {
        PREFIX + name.upper() for name in Settings.model_fields
    }
    pod = pod_of(overlay)
    (container,) = pod["containers"]
    assert {one["secretRef"]["name"] for one in container["envFrom"] if "secretRef" in one} == {"layerscope-store"}
    assert [one["secret"]["secretName"] for one in pod["volumes"] if "secret" in one] == ["layerscope-keys"]
    folder = next(mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == "keys")
    assert given["LAYERSCOPE_KEYS"] == f"{folder}/keys.txt"
    assert not any("SECRET" in name for name in given)
    assert given["LAYERSCOPE_STORE_SHARED"] == "true"


def test_options_of_the_runtime_exist() -> None:
    """Those of `layerscope serve`, for files where KServe puts them."""
    verb, *options = runtime()["containers"][0]["args"]
    names = {option.partition("=")[0].removeprefix("--").replace("-", "_") for option in options}
    assert (verb, names - set(Settings.model_fields)) == ("serve", set())
    assert "--models=/mnt/models" in options


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_grace_period_covers_a_shutdown(overlay: str) -> None:
    """And the pause before it."""
    pod = pod_of(overlay)
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    deadline = float(settings_of(overlay)["LAYERSCOPE_DEADLINE"])
    longest = deadline + SEND_SECONDS + CANCEL_SECONDS + STOP_SECONDS
    assert pod["terminationGracePeriodSeconds"] >= pause + max(deadline + 15, longest)
    hard = int(re.findall(r"hard-stop-after (\d+)s", CONFIGURATION.read_text())[0])
    assert pod_of(overlay, "layerscope-proxy")["terminationGracePeriodSeconds"] >= hard + pause


def test_probes_ask_what_each_is_for() -> None:
    """Restarts by /healthz, traffic by /readyz, and time to start."""
    for container in (pod_of("base")["containers"][0], runtime()["containers"][0]):
        paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness", "readiness")}
        assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}


def test_the_proxy_finds_the_instances() -> None:
    """By the name and port of their headless service, in its own namespace; it reads the file that Compose gives it."""
    pod = pod_of("base", "layerscope-proxy")
    environment = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    service = resources("base")["Service", "layerscope-instances"]["spec"]
    assert service["clusterIP"] == "None"
    assert environment["LAYERSCOPE_INSTANCES"] == (
        f"layerscope-instances.$(NAMESPACE).svc.cluster.local:{service['ports'][0]['port']}"
    )
    name = pod["volumes"][0]["configMap"]["name"]
    assert resources("base")["ConfigMap", name]["data"] == {"haproxy.cfg": CONFIGURATION.read_text()}
    places = int(re.findall(r"server-template \w+ 1-(\d+)", CONFIGURATION.read_text())[0])
    assert resources("base")["HorizontalPodAutoscaler", "layerscope"]["spec"]["maxReplicas"] <= places


def test_instances_are_reached_by_the_proxy_and_prometheus_alone() -> None:
    """They believe its X-Forwarded-For, and show metrics without a key."""
    policy = resources("base")["NetworkPolicy", "layerscope"]["spec"]
    (rule,) = policy["ingress"]
    pods = [
        one["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for one in rule["from"] if "podSelector" in one
    ]
    spaces = [one["namespaceSelector"]["matchLabels"] for one in rule["from"] if "namespaceSelector" in one]
    assert (pods, spaces) == (["proxy"], [{"kubernetes.io/metadata.name": "monitoring"}])


def test_selectors_find_the_pods() -> None:
    """Of services, budgets, policies and the monitor."""
    labels = {
        name: resources("base")["Deployment", name]["spec"]["template"]["metadata"]["labels"]
        for name in ("layerscope", "layerscope-proxy")
    }
    for (kind, name), one in resources("base").items():
        selector = one["spec"].get("selector", one["spec"].get("podSelector")) if "spec" in one else None
        if kind in ("Deployment", "ServiceMonitor") or selector is None:
            continue
        wanted = selector.get("matchLabels", selector)
        target = "layerscope-proxy" if (kind, name) == ("Service", "layerscope") or "proxy" in name else "layerscope"
        assert wanted.items() <= labels[target].items(), (kind, name)
        assert len(wanted) == 2
    monitor = resources("base")["ServiceMonitor", "layerscope"]["spec"]["selector"]["matchLabels"]
    assert monitor.items() <= resources("base")["Service", "layerscope-instances"]["metadata"]["labels"].items()


def test_the_gpu_overlay_reserves_what_it_requires() -> None:
    """One device, the image with CUDA, and no traffic without it."""
    (container,) = pod_of("gpu")["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert container["image"] == "layerscope:gpu-s3"
    assert settings_of("gpu")["LAYERSCOPE_REQUIRE_GPU"] == "true"
    assert settings_of("gpu").items() >= {("LAYERSCOPE_DATA_DIR", settings_of("base")["LAYERSCOPE_DATA_DIR"])}


def test_the_autoscaler_asks_for_metrics_that_there_are() -> None:
    """Each is a rule of the adapter, whose query is valid and whose series the service exposes from its start."""
    (values,) = documents(ADAPTER)
    rules = {rule["name"]["as"]: rule for rule in values["rules"]["custom"]}
    wanted = resources("base")["HorizontalPodAutoscaler", "layerscope"]["spec"]["metrics"]
    assert [metric["pods"]["metric"]["name"] for metric in wanted] == list(rules)
    known = series()
    for rule in rules.values():
        name, matchers = re.fullmatch(r"(\w+)\{(.*)\}", rule["seriesQuery"]).groups()  # type: ignore[union-attr]
        query = rule["metricsQuery"].replace("<<.Series>>", name).replace("<<.GroupBy>>", "pod")
        promql_parser.parse(query := query.replace("<<.LabelMatchers>>", 'namespace="x"'))
        promql_parser.parse(rule["seriesQuery"])
        labels = {one.partition("=")[0] for one in re.findall(r"\{(.*)\}", query)[0].split(",")}
        assert labels - {"namespace", "pod"} <= known[name]
        assert {one.partition("!")[0] for one in matchers.split(",")} == set(rule["resources"]["overrides"])
