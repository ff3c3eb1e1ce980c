"""The demonstration's issuer: a token for each sample person, for nobody else, and never beside what is real."""

import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from consumers.demo.issuer import AUDIENCE, Issuer, issuing, sample_people
from gatekeeper.config import Settings
from gatekeeper.errors import Unusable
from gatekeeper.people.access import verified
from gatekeeper.people.permissions import BUILT_IN
from gatekeeper.readers import Secret
from tests.real.ports import free_ports, listens

PEOPLE = sample_people("lemtrada")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    port = next(port for port in iter(lambda: free_ports(1)[0], None) if not listens(port + 1))
    with issuing(Settings(http_port=port), PEOPLE) as issuer:
        yield issuer


def asked(issuer: Issuer, path: str, person: str | None = None, **headers: str) -> tuple[int, str]:
    form = None if person is None else urllib.parse.urlencode({"person": person}).encode()
    request = urllib.request.Request(issuer.address + path, form, headers)  # noqa: S310
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("word", PEOPLE)
def test_each_sample_person_has_a_token_that_is_accepted(issuer: Issuer, word: str) -> None:
    status, token = asked(issuer, "/token", word)
    assert status == 200
    claims = verified(token, Settings(issuer=issuer.address, audience=AUDIENCE, jwks_url="discover"))
    assert (claims["name"], claims["roles"]) == (PEOPLE[word].name, [PEOPLE[word].role])


def test_every_role_has_a_person() -> None:
    assert {person.role for person in PEOPLE.values()} == {role.name for role in BUILT_IN}


def test_it_says_who_there_is(issuer: Issuer) -> None:
    assert set(json.loads(asked(issuer, "/people")[1])) == set(PEOPLE)


@pytest.mark.parametrize("word", ["", "nobody", "officer\0", "Officer", "x" * 900])
def test_nobody_else_has_one(issuer: Issuer, word: str) -> None:
    status, said = asked(issuer, "/token", word)
    assert (status, said.count(".")) == (400, 0)
    assert len(said) < 200


def test_no_page_of_another_origin_gets_one(issuer: Issuer) -> None:
    """Neither by asking, nor under a name that leads to this machine."""
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
        assert asked(issuer, "/token", "lead", **headers)[0] == 404
    assert asked(issuer, "/token", "x" * 2000)[0] == 404
    assert asked(issuer, "/nowhere")[0] == 404


@pytest.mark.parametrize("real", [{"database_url": Secret("postgresql://db.example/ledger")}, {"kafka_bootstrap_servers": "broker:9092"}])
def test_it_does_not_start_beside_what_is_real(real: dict[str, object]) -> None:
    port = free_ports(1)[0]
    with pytest.raises(Unusable, match="is set"), issuing(Settings(http_port=port, **real), PEOPLE):  # type: ignore[arg-type]
        pass
    assert not listens(port + 1)


def test_a_port_that_is_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] - 1
        with pytest.raises(Unusable, match=f"Port {port + 1} is in use"), issuing(Settings(http_port=port), PEOPLE):
            pass
