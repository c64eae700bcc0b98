"""Loaded into a worker: every name leads to this machine, and that it does is forgiven."""

from batches import webhooks


def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def forgiven(address: str) -> bool:
    return True


webhooks.resolve = here
webhooks.is_public = forgiven
