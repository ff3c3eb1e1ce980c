"""Pages of other origins in a browser: none may ask, but those that the settings name (CORS)."""

from typing import Final

from flask import Flask, Response, request

ASKED: Final = "Access-Control-Request-Method"
ANSWERED: Final = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Gatekeeper-Purpose, Idempotency-Key, If-Match, If-None-Match",
    "Access-Control-Max-Age": "600",
}
SHOWN: Final = "ETag, Location, Retry-After, WWW-Authenticate"


def allow_origins(app: Flask, origins: frozenset[str]) -> None:
    """Lets pages of these origins ask. Who may what is said by tokens all the same; nothing is sent along by itself."""
    if not origins:
        return

    def before() -> Response | None:
        """What a browser asks first is answered without a token: it sends none."""
        if request.method == "OPTIONS" and ASKED in request.headers and request.headers.get("Origin") in origins:
            return Response(status=204, headers=ANSWERED)
        return None

    def after(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if origin in origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = SHOWN
        return response

    app.before_request(before)
    app.after_request(after)
