"""Repeat calls that may succeed later, with growing pauses or after Retry-After."""

import asyncio
import random
import time

import httpx

BUSY = (429, 502, 503, 504)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class Retries:
    """Decides whether a call is repeated, and after how long."""

    def __init__(self, retries: int) -> None:
        self.retries = retries

    def pause(self, request: httpx.Request, attempt: int, response: httpx.Response | None) -> float | None:
        """Return the seconds to wait before the next attempt, or None if there is none. attempt: from 0.

        response: None if none arrived. A POST without an Idempotency-Key may have been carried out, and is not repeated.
        """
        if attempt >= self.retries or (response is not None and response.status_code not in BUSY):
            return None
        if response is None and request.method == "POST" and "Idempotency-Key" not in request.headers:
            return None
        said = response.headers.get("Retry-After", "") if response is not None else ""
        if said.isdecimal():
            return min(float(said), LONGEST_PAUSE)
        return min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1)


class RetryTransport(httpx.HTTPTransport):
    """A transport that repeats failed calls."""

    def __init__(self, retries: Retries) -> None:
        super().__init__()
        self.retry = retries

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for attempt in range(self.retry.retries + 1):
            response, error = None, None
            try:
                response = super().handle_request(request)
            except httpx.TransportError as raised:
                error = raised
            pause = self.retry.pause(request, attempt, response)
            if pause is None:
                break
            if response is not None:
                response.close()
            time.sleep(pause)
        if response is None:
            assert error is not None
            raise error
        return response


class AsyncRetryTransport(httpx.AsyncHTTPTransport):
    """Like RetryTransport, for an asynchronous client."""

    def __init__(self, retries: Retries) -> None:
        super().__init__()
        self.retry = retries

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for attempt in range(self.retry.retries + 1):
            response, error = None, None
            try:
                response = await super().handle_async_request(request)
            except httpx.TransportError as raised:
                error = raised
            pause = self.retry.pause(request, attempt, response)
            if pause is None:
                break
            if response is not None:
                await response.aclose()
            await asyncio.sleep(pause)
        if response is None:
            assert error is not None
            raise error
        return response
