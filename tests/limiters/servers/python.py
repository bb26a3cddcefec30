"""Starts one limiter of PyPI on a free port of the loopback: `python python.py NAME OPTIONS`.

Prints {"address"}; GET /_counts gives how many answers had which status. Ends when its input is closed.
"""

import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

NAME = sys.argv[1]
OPTIONS: dict[str, Any] = json.loads(sys.argv[2])
LIMIT: str = OPTIONS["limit"]
WORK: float = OPTIONS.get("work", 5) / 1000
COUNTS: Counter[str] = Counter()


def flask() -> None:
    """Flask-Limiter, under waitress."""
    from flask import Flask
    from flask_limiter import Limiter

    app = Flask("limiters")
    Limiter(
        lambda: "one key for all",
        app=app,
        default_limits=[LIMIT],
        storage_uri="memory://",
        strategy=OPTIONS["strategy"],
        headers_enabled=OPTIONS["headers"],
    )

    @app.get("/items")
    def items() -> dict[str, int]:
        time.sleep(WORK)
        return {}

    serve_wsgi(app)


def django() -> None:
    """The throttling of Django REST framework, under waitress."""
    from django.conf import settings

    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["rest_framework"],
        REST_FRAMEWORK={
            "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
            "DEFAULT_THROTTLE_RATES": {"anon": LIMIT},
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "UNAUTHENTICATED_USER": None,
        },
    )
    from django import setup
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    setup()
    from rest_framework.decorators import api_view
    from rest_framework.response import Response

    @api_view(["GET"])
    def items(_request: Any) -> Any:
        time.sleep(WORK)
        return Response({})

    globals()["urlpatterns"] = [path("items", items)]
    serve_wsgi(get_wsgi_application())


def slowapi() -> None:
    """slowapi in a FastAPI application, under uvicorn."""
    import asyncio

    from fastapi import FastAPI, Request, Response
    from slowapi import Limiter, _rate_limit_exceeded_handler
    from slowapi.errors import RateLimitExceeded

    limiter = Limiter(key_func=lambda: "one key for all", headers_enabled=OPTIONS["headers"])
    app = FastAPI()
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)  # type: ignore[arg-type]

    @app.get("/items")
    @limiter.limit(LIMIT)
    async def items(request: Request, response: Response) -> dict[str, int]:
        await asyncio.sleep(WORK)
        return {}

    serve_asgi(app)


def serve_wsgi(app: Callable[..., Any]) -> None:
    from waitress.server import create_server

    def counted(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if environ["PATH_INFO"] == "/_counts":
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(COUNTS).encode()]

        def started(status: str, *rest: Any) -> Any:
            COUNTS[status[:3]] += 1
            return start(status, *rest)

        return app(environ, started)

    server = create_server(counted, host="127.0.0.1", port=0, threads=16)
    announce(server.effective_port)
    server.run()


def serve_asgi(app: Any) -> None:
    import socket

    import uvicorn

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/_counts":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": json.dumps(COUNTS).encode()})
            return

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                COUNTS[str(message["status"])] += 1
            await send(message)

        await app(scope, receive, sent)

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    announce(listener.getsockname()[1])
    uvicorn.Server(uvicorn.Config(counted, log_level="error", lifespan="off")).run(sockets=[listener])


def announce(port: int) -> None:
    print(json.dumps({"address": f"http://127.0.0.1:{port}"}), flush=True)


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
{"flask": flask, "django": django, "slowapi": slowapi}[NAME]()
