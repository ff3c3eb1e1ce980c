"""Commands as a person types them, each person with a token."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from jwt.algorithms import OKPAlgorithm

from gatekeeper import clock
from gatekeeper.cli import main

LEAD: Mapping[str, list[str]] = {"roles": ["lead"], "wholesalers": ["*"], "programs": ["*"]}
KEY = ed25519.Ed25519PrivateKey.generate()


class Said(NamedTuple):
    status: object
    out: str
    err: str


Typing = Callable[..., Said]


@pytest.fixture
def as_person(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str, tmp_path: Path) -> Typing:
    """Types a command for a person, a lead unless ``claims`` say otherwise, or for nobody; anything but an exit status passes through."""
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "1"}]}))
    given = {"database_url": database_url, "jwks": str(tmp_path / "keys.json"), "issuer": "id", "audience": "gate"}
    for name, text in given.items():
        monkeypatch.setenv(f"GATEKEEPER_{name.upper()}", text)

    def run(subject: str | None, *words: object, claims: Mapping[str, list[str]] = LEAD, **changed: str) -> Said:
        said = {"iss": "id", "aud": "gate", "sub": subject, "exp": clock.now() + timedelta(hours=1), **claims}
        token = jwt.encode(said, KEY, "EdDSA", headers={"kid": "1"}) if subject else ""
        with monkeypatch.context() as patched:
            for name, text in (changed | {"token": token}).items():
                patched.setenv(f"GATEKEEPER_{name.upper()}", text)
            with pytest.raises(SystemExit) as ended:
                main([str(word) for word in words], prog_name="gatekeeper")
        return Said(ended.value.code, *capsys.readouterr())

    return run
