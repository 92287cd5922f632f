"""The TCP port of the embedded Postgres, and whether something answers there.

Used by the supervisor while it starts Postgres, and by every caller of `ensure` (so: no psycopg, a millisecond).
"""

import socket
import struct

HOST = "127.0.0.1"
_PROTOCOL_3 = 196608
_CANNOT_CONNECT_NOW = b"C57P03"
_HELLO = b"user\0evallab\0database\0postgres\0\0"


def free(preferred: int = 0) -> int:
    """Return `preferred` when it can be bound, else some free port. It can be lost again before it is used."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    return 0


def answers(port: int, *, timeout_s: float = 2.0) -> bool:
    """Return whether a Postgres there would let us log in; False while it starts, recovers or stops.

    Asks what pg_isready asks: a start-up message, answered with a request for the password ("R"), or with an error
    ("E") that says "cannot connect now" or something else (such as too many clients).
    """
    message = struct.pack("!ii", 8 + len(_HELLO), _PROTOCOL_3) + _HELLO
    try:
        with socket.create_connection((HOST, port), timeout=timeout_s) as connection:
            connection.sendall(message)
            answer = connection.recv(4096)
            return answer[:1] in (b"R", b"E") and _CANNOT_CONNECT_NOW not in answer
    except OSError:
        return False
