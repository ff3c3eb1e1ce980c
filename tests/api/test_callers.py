"""Who may what: tokens, permissions, wholesalers and programs. What is not permitted shows nothing."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from gatekeeper import clock
from gatekeeper.api.app import permission_of
from gatekeeper.api.areas import OPEN
from gatekeeper.people.permissions import ABOUT, BUILT_IN, Permission
from tests.api.authority import READERS, SITES, STEPS, Asked
from tests.api.desk import KEY, Desk, token
from tests.gate.ledger import order

ROLES = [role.name for role in BUILT_IN]


AUTHORITY = {
    "list_reasons": Asked("/v1/reasons", set(ROLES)),
    "list_programs": Asked("/v1/programs", set(ROLES)),
    "list_sites": Asked("/v1/sites?program=lemtrada", SITES, foreign_program="/v1/sites?program=tegsedi"),
    "show_site": Asked("/v1/sites/lemtrada/HF-0001", SITES, foreign_program="/v1/sites/tegsedi/HF-0001"),
    "list_refusals": Asked("/v1/refusals", READERS, limited_to_wholesalers=False, limited_to_programs=False),
    "list_alerts": Asked(
        "/v1/alerts", READERS, foreign_wholesaler="/v1/alerts?wholesaler_id=WD-2", foreign_program="/v1/alerts?program=tegsedi"
    ),
    "list_records": Asked(
        "/v1/distribution-records?program=lemtrada",
        {"compliance-officer", "lead", "rems", "auditor"},
        foreign_program="/v1/distribution-records?program=tegsedi",
        limited_to_wholesalers=False,
    ),
    "list_orders": Asked(
        "/v1/orders", READERS, foreign_wholesaler="/v1/orders?wholesaler_id=WD-2", foreign_program="/v1/orders?program=tegsedi"
    ),
    "search_orders": Asked(
        "/v1/orders/searches",
        READERS,
        method="POST",
        body={"purpose": "looking"},
        foreign={"purpose": "looking", "wholesaler_id": "WD-2"},
    ),
    "show_order": Asked("/v1/orders/WD-001/SO-1", READERS, foreign_wholesaler="/v1/orders/WD-2/SO-1"),
    "rehearse_orders": Asked(
        "/v1/rehearsals",
        {"order-system", "compliance-reader", "compliance-officer", "lead"},
        method="POST",
        body={"orders": [json.loads(order())]},
        foreign={"orders": [json.loads(order("SO-1", {"/wholesaler_id": "WD-2"}))]},
    ),
    "list_findings": Asked("/v1/findings?alert_id=00000000-0000-0000-0000-000000000000", READERS),
    "export_orders": Asked(
        "/v1/exports/orders",
        READERS,
        foreign_wholesaler="/v1/exports/orders?wholesaler_id=WD-2",
        foreign_program="/v1/exports/orders?program=tegsedi",
    ),
    "export_order_search": Asked(
        "/v1/exports/orders/searches",
        READERS,
        method="POST",
        body={"purpose": "looking"},
        foreign={"purpose": "looking", "wholesaler_id": "WD-2"},
    ),
    "export_alerts": Asked(
        "/v1/exports/alerts",
        READERS,
        foreign_wholesaler="/v1/exports/alerts?wholesaler_id=WD-2",
        foreign_program="/v1/exports/alerts?program=tegsedi",
    ),
    "export_refusals": Asked("/v1/exports/refusals", READERS, limited_to_wholesalers=False, limited_to_programs=False),
    "export_sites": Asked("/v1/exports/sites?program=lemtrada", SITES, foreign_program="/v1/exports/sites?program=tegsedi"),
    "export_records": Asked(
        "/v1/exports/distribution-records?program=lemtrada",
        {"compliance-officer", "lead", "rems", "auditor"},
        foreign_program="/v1/exports/distribution-records?program=tegsedi",
        limited_to_wholesalers=False,
    ),
    "export_findings": Asked("/v1/exports/findings?alert_id=00000000-0000-0000-0000-000000000000", READERS),
    "export_site_aliases": Asked(
        "/v1/exports/site-aliases",
        READERS,
        foreign_wholesaler="/v1/exports/site-aliases?wholesaler_id=WD-2",
        foreign_program="/v1/exports/site-aliases?program=tegsedi",
    ),
    "export_refused_snapshots": Asked("/v1/exports/refused-snapshots", READERS, limited_to_wholesalers=False),
    "export_corrections": Asked(
        "/v1/exports/corrections?program=lemtrada", READERS, foreign_program="/v1/exports/corrections?program=tegsedi"
    ),
    "export_bypasses": Asked("/v1/exports/bypasses", READERS),
    "export_voids": Asked("/v1/exports/voids", READERS),
    "show_digest": Asked(
        "/v1/digest", READERS, foreign_wholesaler="/v1/digest?wholesaler_id=WD-2", foreign_program="/v1/digest?program=tegsedi"
    ),
    "list_settings": Asked("/v1/settings", {"lead", "auditor", "operator"}),
    **STEPS,
    "metrics": Asked("/metrics", {"operator"}, limited_to_programs=False),
}


def test_every_route_names_a_permission_and_stands_in_the_table(desk: Desk) -> None:
    """Whoever adds an operation says who may ask it, and the table says it a second time."""
    named = {}
    for rule in desk.app.url_map.iter_rules():
        needed = permission_of(desk.app, rule.endpoint)
        assert needed == OPEN or isinstance(needed, Permission), rule.endpoint
        assert rule.methods is not None
        assert "OPTIONS" not in rule.methods
        named[rule.endpoint.rpartition(".")[2]] = needed
    assert {name for name, needed in named.items() if needed == OPEN} == {"live", "ready", "openapi", "reader", "reader_file"}
    assert {name for name, needed in named.items() if needed != OPEN} == set(AUTHORITY)


def test_what_names_no_permission_is_for_nobody(desk: Desk) -> None:
    def forgotten() -> str:
        return "secret"

    desk.app.add_url_rule("/forgotten", "forgotten", forgotten)
    answer = desk.client.get("/forgotten", headers={"Authorization": f"Bearer {token(roles=['lead'])}"})
    assert (answer.status_code, b"secret" in answer.data) == (403, False)
    assert desk.client.get("/forgotten").status_code == 401


@pytest.mark.parametrize("name", AUTHORITY)
def test_authority(desk: Desk, name: str) -> None:
    """Every operation, by every role, of one's own and of another's wholesaler and program."""
    asked, given = AUTHORITY[name], {"method": AUTHORITY[name].method, "json": AUTHORITY[name].body}
    given = {key: value for key, value in given.items() if value is not None}
    own = {"wholesalers": ["WD-001"], "programs": ["lemtrada"]}

    def permitted(*call: str, **options: Any) -> bool:
        status = desk.ask(*call, **options).status_code
        return status != 403 if asked.records else status == 200

    desk.ledger.load()
    desk.ledger.judge(order(), order("SO-1", {"/wholesaler_id": "WD-2"}))
    for role in ROLES:
        may = role in asked.roles
        assert permitted(asked.path, role, **given) is may, role
        if not may:
            assert desk.problem(asked.path, role, **given) == "not-permitted"
        for limits, allowed in (
            ({"wholesalers": own["wholesalers"]}, asked.limited_to_wholesalers),
            ({"programs": own["programs"]}, asked.limited_to_programs),
        ):
            assert permitted(asked.path, role, **given, **limits) is (may and allowed), (role, limits)
        for path in filter(None, (asked.foreign_wholesaler, asked.foreign_program)):
            assert permitted(path, role, **given) is may, (role, path)
            assert desk.problem(path, role, **given, **own) == "not-permitted", (role, path)
        if asked.foreign is not None:
            assert permitted(asked.path, role, method=asked.method, json=asked.foreign) is may, role
            assert desk.problem(asked.path, role, method=asked.method, json=asked.foreign, **own) == "not-permitted", role
    assert desk.problem(asked.path, "nobody", **given) == "not-permitted"
    assert desk.problem(asked.path, None, **given) == "token-missing"


def encoded(*parts: Any) -> str:
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)


PUBLIC = KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
OTHER = ed25519.Ed25519PrivateKey.generate()
CLAIMS = {"iss": "id", "aud": "gate", "sub": "u-17", "exp": 4_000_000_000, "roles": ["lead"]}


def by_secret(secret: bytes) -> str:
    """Signed as HS256, which PyJWT refuses to do with a public key."""
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    signed = encoded({"alg": "HS256", "kid": "1"}, CLAIMS)
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


REFUSED: dict[str, Callable[[], str]] = {
    "expired": lambda: token(roles=["lead"], exp=clock.now() - timedelta(minutes=5)),
    "early": lambda: token(roles=["lead"], nbf=clock.now() + timedelta(minutes=5)),
    "other audience": lambda: token(roles=["lead"], aud="other"),
    "other issuer": lambda: token(roles=["lead"], iss="other"),
    "none": lambda: encoded({"alg": "none", "kid": "1"}, CLAIMS) + ".",
    "a secret": lambda: jwt.encode(CLAIMS, "s" * 32, "HS256", headers={"kid": "1"}),
    "HS256 with the public key": lambda: by_secret(PUBLIC),
    "HS256 with the key set": lambda: by_secret(json.dumps(OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True)).encode()),
    "key confusion": lambda: jwt.encode(CLAIMS, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": "1"}),
    "a key of its own": lambda: jwt.encode(
        CLAIMS, OTHER, "EdDSA", headers={"kid": "1", "jwk": OKPAlgorithm.to_jwk(OTHER.public_key(), as_dict=True)}
    ),
    "unknown kid": lambda: token(roles=["lead"], kid="2"),
    "cut": lambda: token(roles=["lead"])[:-4],
    "overlong": lambda: token(roles=["lead"], more="x" * 20_000),
    "without a subject": lambda: token(roles=["lead"], sub=None),
    "no token": lambda: "Zm9v",
}


@pytest.mark.parametrize("name", REFUSED)
def test_tokens_that_prove_nothing(desk: Desk, name: str) -> None:
    answer = desk.ask("/v1/reasons", None, headers={"Authorization": f"Bearer {REFUSED[name]()}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert ("detail" in json.loads(answer.data)) is (name in {"expired", "early"})
    assert b"GATEKEEPER" not in answer.data


def test_a_key_that_was_rotated(desk: Desk) -> None:
    """The key set is what it says at the moment: a new key counts at once, an old one no longer."""
    old = {"Authorization": f"Bearer {token(roles=['lead'])}"}
    rotated = {"Authorization": f"Bearer {token(OTHER, kid='2', roles=['lead'])}"}
    assert desk.ask("/v1/reasons", None, headers=rotated).status_code == 401
    desk.keys.write_text(json.dumps({"keys": [OKPAlgorithm.to_jwk(OTHER.public_key(), as_dict=True) | {"kid": "2"}]}))
    assert desk.ask("/v1/reasons", None, headers=rotated).status_code == 200
    assert desk.ask("/v1/reasons", None, headers=old).status_code == 401
    desk.keys.write_text(json.dumps({"keys": [RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key(), as_dict=True)]}))
    assert desk.ask("/v1/reasons", None, headers=rotated).status_code == 401


@pytest.mark.parametrize("claims", [
    {}, {"roles": "lead"}, {"roles": [["lead"]]}, {"roles": {"lead": True}}, {"roles": ["lead"] * 1100}, {"roles": ["Lead"]},
    {"role": ["lead"]},
])  # fmt: skip
def test_claims_that_permit_nothing(desk: Desk, claims: dict[str, Any]) -> None:
    answer = desk.ask("/v1/reasons", None, headers={"Authorization": f"Bearer {token(**claims)}"})
    assert answer.status_code == 403


@pytest.mark.parametrize("claim", ["*", ["WD-1*"], None, [], [1], {"*": 1}])
def test_without_the_claim_there_is_no_wholesaler_and_no_program(desk: Desk, claim: Any) -> None:
    for name in ("wholesalers", "programs"):
        claims = {"wholesalers": ["*"], "programs": ["*"]} | {name: claim}
        answer = desk.ask("/v1/refusals", None, headers={"Authorization": f"Bearer {token(roles=['lead'], **claims)}"})
        assert answer.status_code == 403


@pytest.mark.parametrize("word", ["WD-1\0", "\ud800", "WD-1\n"])
def test_a_claim_with_what_no_name_has_permits_nothing(desk: Desk, word: str) -> None:
    """The database would not take it either."""
    for name in ("wholesalers", "programs"):
        claims = {"wholesalers": ["WD-001"], "programs": ["lemtrada"]} | {name: [word]}
        for path in ("/v1/orders", "/v1/alerts", "/v1/digest"):
            answer = desk.ask(path, None, headers={"Authorization": f"Bearer {token(roles=['lead'], **claims)}"})
            assert answer.status_code == 200, answer.data


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dTpw", "bearer"])
def test_what_is_no_bearer_token(desk: Desk, header: str) -> None:
    assert desk.problem("/v1/reasons", None, headers={"Authorization": header}) == "token-missing"


def test_every_permission_is_told_of_and_granted_by_some_role() -> None:
    assert set(ABOUT) == set(Permission)
    assert frozenset().union(*[role.permissions for role in BUILT_IN]) == set(Permission)
