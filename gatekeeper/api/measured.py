"""What is measured of the calls: by the route's template and the class of the status, never by what a caller chose."""

import re
from typing import Final

from flask import Flask, Response, g, request

from gatekeeper import clock
from gatekeeper.metrics import HTTP_IN_FLIGHT, HTTP_REQUESTS, HTTP_SECONDS

UNKNOWN: Final = "unknown"
"""In the place of the route and the method of whatever is no operation."""
_PARAMETER: Final = re.compile(r"<(?:\w+:)?(\w+)>")


def measure_calls(app: Flask) -> None:
    """Counts every call once its answer is made whole, and for how long it was in hand; called before anything else looks at a request."""

    def begin() -> None:
        g.began = clock.seconds()
        HTTP_IN_FLIGHT.inc()

    def answered(response: Response) -> Response:
        # Not the answer itself: it would hold what holds it, and be gone late.
        began, status, route, method = g.began, status_class(response.status_code), UNKNOWN, UNKNOWN
        if request.url_rule is not None:
            route, method = _PARAMETER.sub(r"{\1}", request.url_rule.rule), request.method

        def end() -> None:
            HTTP_IN_FLIGHT.dec()
            HTTP_REQUESTS.labels(route, method, status).inc()
            HTTP_SECONDS.labels(route, method).observe(clock.seconds() - began)

        response.call_on_close(end)
        return response

    app.before_request(begin)
    app.after_request(answered)


def unread(status: int) -> None:
    """Counts what was refused before there was a request that an operation could be asked for."""
    HTTP_REQUESTS.labels(UNKNOWN, UNKNOWN, status_class(status)).inc()


def status_class(status: int) -> str:
    return f"{status // 100}xx"
