"""Django's PostgreSQL backend with a connection pool that recovers at once after a server outage."""

from typing import Any

import psycopg
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Take a connection from the pool, and check that it works.

        If it does not, the server was unreachable and all idle connections are dead, so the pool is drained. psycopg's
        own check tries one connection after the other with growing pauses: after three dead ones a call fails
        although the server is back.
        """
        connection = super().get_new_connection(conn_params)
        pool = self.pool
        if pool and not _answers(pool, connection):
            pool.drain()
            pool.putconn(connection)
            connection = super().get_new_connection(conn_params)
        return connection


def _answers(pool: Any, connection: Any) -> bool:
    try:
        pool.check_connection(connection)
    except psycopg.Error:
        return False
    return True
