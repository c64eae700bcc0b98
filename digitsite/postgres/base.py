"""Django's PostgreSQL, with a pool that a server's absence leaves no dead connections in."""

from typing import Any

import psycopg
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Take a connection of the pool that answers.

        Where one does not, the server or the way to it was gone, and the others that wait are as dead: all are made
        anew. psycopg's own check tries one after the other and rests ever longer between them, so that behind three
        dead connections a call fails, however well the server is by then.
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
