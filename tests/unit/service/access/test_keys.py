"""Keys: their file, the comparison with a sent key, and what the roles allow."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from service.access.authentication import secret_in
from service.access.key_file import KeyFile
from service.access.keys import InvalidKeys, Key, Role, new_key, parse_keys
from service.access.roles import role_for

DIGEST = "sha256:" + sha256(b"secret").hexdigest()
OTHER = "sha256:" + sha256(b"other").hexdigest()


def test_a_file_has_one_key_a_line_with_its_options() -> None:
    """Comments and empty lines are skipped; options have defaults."""
    ring = parse_keys(
        f"# clients\n\nalice {DIGEST}\nbob {OTHER} space=team role=register share=0.25 macs_per_minute=5e12 "
        "bytes_per_minute=2GiB\n"
    )
    assert ring.find(b"secret") == Key("alice", sha256(b"secret").digest(), "default", Role.USE, 1.0, None, None)
    assert ring.find(b"other") == Key(
        "bob", sha256(b"other").digest(), "team", Role.REGISTER, 0.25, 5 * 10**12, 2 * 1024**3
    )
    assert ring.find(b"secre") is ring.find(b"") is ring.find(b"secret" * 100) is parse_keys("").find(b"secret") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("alice", "line 1: write a name"),
        ("\nalice secret", "line 2: write a name"),
        (f"al/ice {DIGEST}", "line 1: write a name"),
        (f"alice {DIGEST[:-1]}", "line 1: write a name"),
        (f"alice {DIGEST} role=Admin", "line 1: role is not use, register or admin"),
        (f"alice {DIGEST} role=", "line 1: role is not use"),
        (f"alice {DIGEST} space=a~b", "line 1: space is not a name"),
        (f"alice {DIGEST} share=0", "line 1: share is not a number"),
        (f"alice {DIGEST} share=nan", "line 1: share is not a number"),
        (f"alice {DIGEST} macs_per_minute=0.5", "line 1: macs_per_minute is not a whole number"),
        (f"alice {DIGEST} macs_per_minute=inf", "line 1: macs_per_minute is not a whole number"),
        (f"alice {DIGEST} bytes_per_minute=2xB", "line 1: bytes_per_minute is not a size"),
        (f"alice {DIGEST} role=use role=use", "line 1: an option is one of"),
        (f"alice {DIGEST} rolle=use", "line 1: an option is one of"),
        (f"alice {DIGEST}\nalice {OTHER}", "line 2: an earlier line has this name or key"),
        (f"alice {DIGEST}\nbob {DIGEST}", "line 2: an earlier line has this name or key"),
    ],
)
def test_a_wrong_line_is_named_by_its_number_alone(text: str, says: str) -> None:
    """Nothing of the line is repeated: it goes to the log."""
    with pytest.raises(InvalidKeys, match="^" + says) as raised:
        parse_keys(text)
    assert not any(word in str(raised.value) for word in ("alice", "secret", DIGEST[7:20], "~"))


def test_a_new_key_is_found_by_its_line() -> None:
    """The line has the digest, and not the key."""
    secret, line = new_key("alice")
    assert parse_keys(line).find(secret.encode()) == Key("alice", sha256(secret.encode()).digest())
    assert secret not in line
    assert len({new_key("a")[0] for _ in range(100)}) == 100
    with pytest.raises(InvalidKeys):
        new_key("a b")


@pytest.mark.parametrize(
    ("headers", "secret"),
    [
        ([(b"authorization", b"Bearer ls_a-b_c")], b"ls_a-b_c"),
        ([(b"authorization", b"bearer   x==  ")], b"x=="),
        ([(b"x-api-key", b" ls_a ")], b"ls_a"),
        ([], None),
        ([(b"authorization", b"Basic YTpi")], None),
        ([(b"authorization", b"Bearer")], None),
        ([(b"authorization", b"Bearer a b")], None),
        ([(b"authorization", b"Basic YTpi"), (b"x-api-key", b"ls_a")], b"ls_a"),
        ([(b"authorization", b"Bearer"), (b"x-api-key", b"ls_a")], None),
        ([(b"x-api-key", b"")], None),
        ([(b"x-api-key", b"a"), (b"x-api-key", b"a")], None),
        ([(b"authorization", b"Bearer a"), (b"x-api-key", b"a")], None),
    ],
)
def test_a_key_is_sent_once_in_one_of_two_headers(headers: list[tuple[bytes, bytes]], secret: bytes | None) -> None:
    """Two keys are none."""
    assert secret_in(headers) == secret


def test_a_file_is_read_again_when_it_changes_and_kept_when_it_is_wrong(tmp_path: Path) -> None:
    """A missing file ends the start alone, and one that has just been written to may be half written."""
    file = tmp_path / "keys"
    with pytest.raises(InvalidKeys, match="cannot be read"):
        KeyFile(file)
    file.write_text(f"alice {DIGEST}\n")
    keys = KeyFile(file)
    file.write_text("")
    keys.refresh(force=True)
    assert keys.ring.find(b"secret") is not None
    file.write_text(f"bob {OTHER}\n")
    os.utime(file, (1, 1))
    assert keys.ring.find(b"other") is None
    keys.refresh()
    assert (keys.ring.find(b"secret"), getattr(keys.ring.find(b"other"), "name", None)) == (None, "bob")
    for wrong in (b"a line\n", b"\xff\xfe"):
        file.write_bytes(wrong)
        os.utime(file, (2, 2))
        keys.refresh()
    file.unlink()
    keys.refresh()
    assert getattr(keys.ring.find(b"other"), "name", None) == "bob"


def test_a_file_that_could_not_be_read_is_read_once_its_permissions_are_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They change neither its size nor its time."""
    file = tmp_path / "keys"
    file.write_text(f"alice {DIGEST}\n")
    keys = KeyFile(file)
    file.write_text(f"bob {OTHER}\n")
    os.utime(file, (1, 1))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_text", unreadable)
        keys.refresh()
    assert keys.ring.find(b"other") is None
    file.chmod(0o600)
    keys.refresh()
    assert keys.ring.find(b"other") is not None


def unreadable(*_: object, **__: object) -> str:
    """Fail like a file that may not be read."""
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("request_line", "role"),
    [
        ("GET /healthz", None), ("GET /readyz", None), ("GET /docs", None), ("GET /swagger/a.js", None),
        ("GET /", None), ("HEAD /healthz", None), ("GET /v2/health/ready", None), ("OPTIONS /v1/models/a", None),
        ("POST /healthz", Role.USE), ("GET /healthz/..", Role.USE), ("GET //healthz", Role.USE),
        ("GET /v1/models", Role.USE), ("POST /v1/activations", Role.USE), ("POST /v2/models/a/infer", Role.USE),
        ("POST /v2/repository/index", Role.USE), ("GET /openapi.json", None),
        ("GET /v1/models/a/weights", Role.USE),
        ("PUT /v1/models/a", Role.REGISTER), ("DELETE /v1/models/a", Role.REGISTER),
        ("PUT /v1/models/a/weights", Role.REGISTER), ("POST /v2/repository/models/a/unload", Role.REGISTER),
        ("GET /metrics", Role.ADMIN), ("HEAD /metrics", Role.ADMIN),
    ],
)  # fmt: skip
def test_what_a_request_asks_for_decides_the_role(request_line: str, role: Role | None) -> None:
    """By method and path; what is not known needs a key. Routes pass over a line feed at the end."""
    method, path = request_line.split()
    assert role_for(method, path) is role_for(method, f"{path}\n") is role
