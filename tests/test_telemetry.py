"""Logs and metrics: closed lists, and nothing that was sent in a line or a label."""

import json
import logging
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta

import pytest

from gatekeeper import clock, metrics, telemetry
from gatekeeper.errors import TryAgain, Unusable
from gatekeeper.health import Health, serve_health
from gatekeeper.telemetry import EVENTS, FIELDS, NotListedError, log, start_logging

MARKER = "P-MARKER 1"


@pytest.fixture
def in_production() -> Iterator[None]:
    strict, root = telemetry._logger, logging.getLogger().handlers[:]  # noqa: SLF001 - put back as it was
    start_logging("info")
    yield
    telemetry._logger = strict  # noqa: SLF001
    logging.getLogger().handlers[:] = root
    logging.raiseExceptions = True


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_json_with_what_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    log("message_refused", topic="shipment-orders", partition=1, offset=7)
    (line,) = lines(capsys)
    assert line.pop("at")
    assert line == {
        "level": "warning", "event": "message_refused", "topic": "shipment-orders", "partition": 1, "offset": 7,
    }  # fmt: skip


def test_our_own_errors_are_given_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    log("waiting", reason=TryAgain("The database cannot be reached."), seconds=0.1)
    assert lines(capsys)[0]["reason"] == "The database cannot be reached."


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("something_else", {}),
        ("stopped", {"patient_id": "P-1"}),
        ("stopped", {"command": MARKER}),
        ("stopped", {"signal": MARKER}),
        ("stopped", {"signal": True}),
        ("waiting", {"reason": MARKER}),
        ("waiting", {"reason": ValueError(MARKER)}),
        ("waiting", {"topic": "shipment-orders"}),
    ],
)
def test_what_is_not_listed_is_an_error_here(event: str, fields: dict[str, object]) -> None:
    with pytest.raises(NotListedError) as refused:
        log(event, **fields)
    assert MARKER not in str(refused.value)


@pytest.mark.usefixtures("in_production")
def test_what_is_not_listed_is_dropped_in_production(capsys: pytest.CaptureFixture[str]) -> None:
    log("something_else", topic=MARKER)
    log("stopped", command="consume", patient_id=MARKER, signal=MARKER)
    (line,) = lines(capsys)
    assert line.keys() == {"at", "level", "event", "command"}


@pytest.mark.usefixtures("in_production")
def test_lines_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("warning")
    log("health_served", port=1)
    log("health_failed", code="TimeoutError")
    assert [line["event"] for line in lines(capsys)] == ["health_failed"]


@pytest.mark.usefixtures("in_production")
def test_the_words_of_libraries_are_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("sqlalchemy.pool").error("lost %s", MARKER)
    logging.getLogger("sqlalchemy.pool").info(MARKER)
    (line,) = lines(capsys)
    assert (line["library"], line["code"], line["level"]) == ("sqlalchemy.pool", "error", "warning")


def test_a_log_that_nobody_reads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    nobody = os.fdopen(theirs, "w")
    monkeypatch.setattr(sys, "stderr", nobody)
    log("stopped")
    monkeypatch.undo()
    with pytest.raises(BrokenPipeError):
        nobody.close()


def test_every_event_has_words_and_fields_that_exist() -> None:
    for name, event in EVENTS.items():
        assert event.about.endswith("."), name
        assert event.fields <= FIELDS.keys(), name
    assert set().union(*(event.fields for event in EVENTS.values())) == FIELDS.keys()


def test_every_metric_has_words_and_no_label_for_people() -> None:
    found = [metric for metric in metrics.REGISTRY.collect() if metric.name.startswith("gatekeeper_")]
    assert all(metric.documentation.endswith(".") for metric in found)
    made = [made for made in vars(metrics).values() if hasattr(made, "_labelnames")]
    assert len(made) == len(found)
    labels = {label for metric in made for label in metric._labelnames}  # noqa: SLF001
    assert labels == {"topic", "partition", "outcome", "code", "program", "route", "method", "status"}


@pytest.fixture
def health() -> Iterator[Health]:
    health = serve_health("127.0.0.1", 0, ready=lambda: False, live=lambda: True)
    yield health
    health.close()


def get(health: Health, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{health.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_health_and_metrics_are_served(health: Health) -> None:
    metrics.registry_as_of("lemtrada", clock.now() - timedelta(hours=2))
    metrics.VERDICTS.labels("released").inc()
    metrics.has_read()
    assert get(health, "/health/live") == (200, "yes\n")
    assert get(health, "/health/ready?verbose") == (503, "no\n")
    assert get(health, "/else")[0] == 404
    status, text = get(health, "/metrics")
    assert status == 200
    assert 'gatekeeper_verdicts_total{outcome="released"}' in text
    age = re.search(r'gatekeeper_registry_age_seconds{program="lemtrada"} ([0-9.]+)', text)
    assert age
    assert float(age[1]) >= 7200
    assert "_created" not in text


def test_a_port_that_is_taken_is_one_sentence(health: Health) -> None:
    with pytest.raises(Unusable, match=r"^GATEKEEPER_HEALTH_HOST and GATEKEEPER_HEALTH_PORT name"):
        serve_health("127.0.0.1", health.port, ready=lambda: True, live=lambda: True)


def test_a_question_that_fails_is_no_yes(capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> bool:
        raise KeyError(MARKER)

    health = serve_health("127.0.0.1", 0, ready=broken, live=broken)
    with pytest.raises(OSError, match="closed connection"):
        get(health, "/health/ready")
    health.close()
    err = capsys.readouterr().err
    assert MARKER not in err
    assert json.loads(err.splitlines()[-1])["code"] == "KeyError"
