"""The spans of OpenTelemetry's instrumentations of requests and aiohttp with a policy under them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import requests
from opentelemetry import trace
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import unruffled.aiohttp
import unruffled.requests

from ..servers.wire import BUSY, Wire

QUICK: dict[str, Any] = {"retry": {"base": "5ms"}}


class Spans:
    """The spans that were exported."""

    def __init__(self) -> None:
        self._memory = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._memory))

    def statuses(self) -> list[Any]:
        """Returns the status of each span."""
        return [(span.attributes or {}).get("http.status_code") for span in self.all()]

    def all(self) -> tuple[ReadableSpan, ...]:
        return self._memory.get_finished_spans()


@pytest.fixture
def spans() -> Iterator[Spans]:
    seen = Spans()
    yield seen
    for one in (RequestsInstrumentor(), URLLib3Instrumentor(), AioHttpClientInstrumentor()):
        if one.is_instrumented_by_opentelemetry:
            one.uninstrument()


def tell(event: dict[str, Any]) -> None:
    """Adds attempts as events to the call's span, as the documentation shows."""
    trace.get_current_span().add_event("attempt", {"status": event["status"]})


def get(base: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        adapter = unruffled.requests.Adapter(QUICK)
        adapter.on(tell, ["attempt"])
        session.mount("http://", adapter)
        assert session.get(base).ok


async def get_async(base: str) -> None:
    mw = unruffled.aiohttp.middleware(QUICK)
    mw.on(tell, ["attempt"])
    async with aiohttp.ClientSession(middlewares=[mw]) as session, session.get(base) as response:
        assert response.ok


def test_urllib3s_instrumentation_has_a_span_for_each_attempt(spans: Spans) -> None:
    URLLib3Instrumentor().instrument(tracer_provider=spans.provider)
    with Wire([BUSY, BUSY]) as wire:
        get(wire.base)
    assert spans.statuses() == [503, 503, 200]


def test_requests_instrumentation_has_one_span_for_the_call(spans: Spans) -> None:
    RequestsInstrumentor().instrument(tracer_provider=spans.provider)
    URLLib3Instrumentor().instrument(tracer_provider=spans.provider)
    with Wire([BUSY, BUSY]) as wire:
        get(wire.base)
    assert spans.statuses() == [200]
    assert [(event.attributes or {})["status"] for event in spans.all()[0].events] == [503, 503, 200]


def test_aiohttps_instrumentation_has_one_span_for_the_call(spans: Spans) -> None:
    AioHttpClientInstrumentor().instrument(tracer_provider=spans.provider)
    with Wire([BUSY, BUSY]) as wire:
        asyncio.run(get_async(wire.base))
    assert spans.statuses() == [200]
    assert [(event.attributes or {})["status"] for event in spans.all()[0].events] == [503, 503, 200]
