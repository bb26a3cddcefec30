"""stripe: a `StripeClient` whose `RequestsClient` has our session."""

from __future__ import annotations

from collections.abc import Iterator

import requests
import stripe

from . import requests_session
from .client import Family, Kind, Setup, SyncClient, WrongError


class Stripe(SyncClient):
    def __init__(self, setup: Setup) -> None:
        self.session = requests_session.session_of(setup)
        # A StripeClient makes no retry by itself, the module's functions make so many: count these as stripe's own.
        retries = stripe.max_network_retries if setup.policy is None else 0
        if setup.timeout is not None:
            transport = stripe.RequestsClient(session=self.session, timeout=setup.timeout)
        else:
            transport = stripe.RequestsClient(session=self.session)
        self.client = stripe.StripeClient(
            "sk",
            http_client=transport,
            base_addresses={"api": setup.base, "files": setup.base},
            max_network_retries=retries,
        )
        self.renew(setup.token)

    def read(self) -> int:
        return self._right(self.client.v1.customers.retrieve("cus_1", options={"api_key": self.token}))

    def write(self, op: str) -> int:
        return self._right(self.client.v1.customers.create(params={"description": op}, options={"api_key": self.token}))

    def stream(self) -> Iterator[int]:
        answer = self.client.v1.quotes.pdf("qt_1", options={"api_key": self.token})
        yield answer.code
        while piece := answer.io.read(16):
            yield len(piece)

    def _right(self, customer: stripe.Customer) -> int:
        if customer.id != "r1":
            raise WrongError("the answer is not the server's")
        return 200

    def renew(self, token: str) -> None:
        self.token = token

    def close(self) -> None:
        self.session.close()

    @staticmethod
    def status_of(error: BaseException) -> int | None:
        return error.http_status if isinstance(error, stripe.StripeError) else None

    @staticmethod
    def family_of(error: BaseException) -> Family:
        if not isinstance(error, stripe.APIConnectionError):
            return requests_session.family_of(error)
        # stripe has one class for both; the cause tells them apart.
        return "timeout" if isinstance(error.__cause__, requests.Timeout) else "connection"


CLIENTS = [Kind("stripe", "unruffled.requests.Adapter", "stripe", Stripe)]
