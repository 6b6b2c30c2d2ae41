"""A psycopg connection that does not wait for ever: a server that hangs keeps connections open and says nothing.

https://www.psycopg.org/psycopg3/docs/api/connections.html

PostgreSQL's own timeouts need a server that still works, and TCP's need a network that does not: the kernel of a
hanging server goes on confirming packets. So the client looks at the clock too.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.pq import TransactionStatus


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server takes longer than `limit` for one answer.

    limit  seconds, somewhat longer than the server's own statement timeout; None: without limit
    The error is psycopg's OperationalError, as for any connection that was lost.
    """

    limit: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Wait as psycopg does, but not longer than `limit`."""
        try:
            return super().wait(gen, interval, self.limit if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()  # a statement runs whose answer nobody waits for any more
            raise
