"""The container image and the Compose file, checked without building them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from service.engines.process import STOP_SECONDS
from service.server import CANCEL_SECONDS, SEND_SECONDS
from service.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a development tool in the root of the project."""
    found = shutil.which(name, path=sysconfig.get_path("scripts"))
    assert found, f"{name} is not installed"
    return subprocess.run([found, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile's last stage: keyword and arguments."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    last = max(index for index, (keyword, _) in enumerate(lines) if keyword == "FROM")
    return [(keyword, re.sub(r"\s+", " ", rest)) for keyword, rest in lines[last:]]


def arguments_of(keyword: str) -> str:
    """Return the arguments of the last instruction of a kind."""
    return [rest for word, rest in instructions() if word == keyword][-1]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    services: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]
    return services


def test_hadolint_reports_nothing() -> None:
    """hadolint accepts the Dockerfile, without disabled rules."""
    result = tool("hadolint", "--no-color", "Dockerfile")
    assert (result.returncode, result.stdout) == (0, "")
    assert "hadolint ignore" not in (ROOT / "Dockerfile").read_text()


def test_the_compose_file_is_valid() -> None:
    """By the published schema of the Compose specification."""
    result = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_image_does_not_run_as_root() -> None:
    """The last USER is numeric, so that Kubernetes' runAsNonRoot can check it."""
    uid, gid = arguments_of("USER").split(":")
    assert int(uid) > 0
    assert int(gid) > 0


def test_the_image_is_healthy_when_the_service_is_ready() -> None:
    """HEALTHCHECK requests /readyz on the exposed port."""
    assert "http://127.0.0.1:8000/readyz" in arguments_of("HEALTHCHECK")
    assert arguments_of("EXPOSE") == "8000"
    assert "LAYERSCOPE_PORT=8000" in arguments_of("ENV")


def test_the_image_stops_on_sigterm_without_a_shell() -> None:
    """The service itself receives SIGTERM."""
    assert arguments_of("STOPSIGNAL") == "SIGTERM"
    assert [*json.loads(arguments_of("ENTRYPOINT")), *json.loads(arguments_of("CMD"))] == ["layerscope", "serve"]


def test_the_image_stores_models_in_the_volume() -> None:
    """The data directory is the volume."""
    assert arguments_of("VOLUME") == "/data"
    assert "LAYERSCOPE_DATA_DIR=/data" in arguments_of("ENV")
    assert "LAYERSCOPE_HOST=0.0.0.0" in arguments_of("ENV")


def test_every_base_image_has_a_tag() -> None:
    """No stage uses `latest`."""
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    assert all(re.fullmatch(r"node:\d+-slim|python:3\.12-slim-\w+", base) for base in bases)


def test_the_image_has_the_page() -> None:
    """It is built in a stage of its own, from the sources that the context has, and goes into the package."""
    text = (ROOT / "Dockerfile").read_text()
    context = (ROOT / ".dockerignore").read_text().splitlines()
    stage = text[text.index("AS page") : text.index("AS build")]
    copied = {source for line in re.findall(r"^COPY (.*) \S+$", stage, flags=re.MULTILINE) for source in line.split()}
    assert {f"!{source}" for source in copied} - {"!web/package.json"} <= set(context)
    assert text.index("COPY --from=page /app/service/web service/web") < text.index(
        "uv sync --locked --no-dev --no-edit"
    )
    assert "service/web" in context[context.index("!service") :]  # that of this machine stays out


def test_one_version_of_uv_everywhere() -> None:
    """The image and scripts/bootstrap install the same uv."""
    pinned = re.search(r"^pinned=(\S+)$", (ROOT / "scripts/bootstrap").read_text(), flags=re.MULTILINE)
    assert pinned
    assert f"uv=={pinned[1]}" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("name", ["layerscope", "gpu"])
def test_services_are_confined(services: dict[str, Any], name: str) -> None:
    """No capabilities, no new privileges, only /data and /tmp writable, bounded memory and processes."""
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["volumes"] == ["data:/data"]
    assert service["tmpfs"][0].startswith("/tmp:")  # noqa: S108
    assert service["mem_limit"]
    assert service["pids_limit"]


@pytest.mark.parametrize("name", ["layerscope", "gpu"])
def test_services_listen_on_loopback_only(services: dict[str, Any], name: str) -> None:
    """Published ports are bound to 127.0.0.1 by default; both services can run side by side."""
    port = {"layerscope": "${PORT:-8000}", "gpu": "${GPU_PORT:-8001}"}[name]
    assert services[name]["ports"] == [f"127.0.0.1:{port}:8000"]


@pytest.mark.parametrize("name", ["layerscope", "gpu"])
def test_the_grace_period_covers_a_shutdown(services: dict[str, Any], name: str) -> None:
    """Docker waits longer than deadline, sending, cancellation and engine shutdown together."""
    deadline = float(services[name]["environment"]["LAYERSCOPE_DEADLINE"])
    longest = deadline + SEND_SECONDS + CANCEL_SECONDS + STOP_SECONDS
    assert int(services[name]["stop_grace_period"].removesuffix("s")) > longest


def test_settings_of_the_containers_exist(services: dict[str, Any]) -> None:
    """Layerscope fails to start with an unknown variable."""
    environments = " ".join([arguments_of("ENV"), *(str(service.get("environment")) for service in services.values())])
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", environments))
    assert named
    assert named <= {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("name", ["layerscope", "gpu"])
def test_services_use_the_health_check_of_the_image(services: dict[str, Any], name: str) -> None:
    """The Compose file and the Dockerfile have the same command."""
    command = json.loads(arguments_of("HEALTHCHECK").partition("CMD ")[2])
    assert services[name]["healthcheck"]["test"] == ["CMD", *command]


def test_the_gpu_service_has_its_own_profile(services: dict[str, Any]) -> None:
    """`up` starts the CPU service; `gpu` builds with CUDA, reserves a device and requires it."""
    gpu = services["gpu"]
    assert "profiles" not in services["layerscope"]
    assert gpu["profiles"] == ["gpu"]
    assert gpu["build"]["args"] == {"EXTRA": "gpu"}
    assert gpu["environment"]["LAYERSCOPE_REQUIRE_GPU"] == "true"
    assert gpu["deploy"]["resources"]["reservations"]["devices"] == [
        {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    ]
