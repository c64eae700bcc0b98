"""Send mail after the response: a slow mail server delays nobody, and timing does not show who has an account."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from django.db import connection

logger = logging.getLogger(__name__)

# One mail at a time, in one thread, started with the first mail. A process that exits sends the rest first.
_sender = ThreadPoolExecutor(1, "mail")


def in_background(work: Callable[..., Any], *arguments: Any) -> None:
    """Run a mail task soon, in the background. Errors are only logged."""
    _sender.submit(copy_context().run, _do, work, *arguments)


def _do(work: Callable[..., Any], *arguments: Any) -> None:
    try:
        work(*arguments)
    except Exception:
        logger.exception("a mail is not sent")
    finally:
        connection.close()
