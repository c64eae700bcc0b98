"""Loaded into a worker: every name resolves to this machine, any port is allowed, and retries are quick."""

import datetime

from batches import tasks, webhooks


def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def forgiven(address: str) -> bool:
    return True


webhooks.resolve = here
webhooks.is_public = forgiven
webhooks.PORTS = range(1, 65536)

for poller in tasks._pollers:
    poller.interval = min(poller.interval, 0.2)
webhooks.FIRST_DELAY = datetime.timedelta(seconds=1)
