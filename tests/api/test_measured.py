"""What is measured of calls: by route, method and class of status, and nothing that a caller can choose."""

from gatekeeper.metrics import HTTP_IN_FLIGHT, REGISTRY
from tests.api.desk import Desk
from tests.gate.ledger import order

NAMES = ("route", "method", "status")


def counted() -> dict[tuple[str, ...], float]:
    samples = [sample for metric in REGISTRY.collect() if metric.name == "gatekeeper_http_requests" for sample in metric.samples]
    return {tuple(sample.labels[name] for name in NAMES): sample.value for sample in samples}


def in_hand() -> float:
    [metric] = HTTP_IN_FLIGHT.collect()
    return metric.samples[0].value


def test_calls_are_counted_by_route_method_and_status(desk: Desk) -> None:
    desk.ledger.load()
    desk.ledger.judge(order())
    before, in_flight = counted(), in_hand()
    for path, role in (("/v1/orders/WD-001/SO-1", "lead"), ("/v1/orders/WD-001/SO-2", "lead"), ("/v1/orders/WD-001/SO-1", None)):
        desk.ask(path, role).close()
    for method, path in (
        ("GET", "/v1/P-00001234"),
        ("GET", "/P-00001234?P-00001234"),
        ("DELETE", "/v1/orders"),
        ("P-00001234", "/v1/orders"),
    ):
        desk.ask(path, method=method).close()
    export = desk.ask("/v1/exports/orders")
    assert in_hand() == in_flight + 1
    export.close()
    one = "/v1/orders/{wholesaler_id}/{order_id}"
    more = {name: value - before.get(name, 0) for name, value in counted().items()}
    assert {name: value for name, value in more.items() if value} == {
        (one, "GET", "2xx"): 1, (one, "GET", "4xx"): 2, ("unknown", "unknown", "4xx"): 4, ("/v1/exports/orders", "GET", "2xx"): 1,
    }  # fmt: skip
    assert in_hand() == in_flight
    told = desk.ask("/metrics", "operator").get_data(as_text=True)
    assert f'gatekeeper_http_request_seconds_count{{method="GET",route="{one}"}}' in told
    assert "P-00001234" not in told
