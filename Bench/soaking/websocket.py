"""WebSocket frames of the soak's clients, RFC 6455 section 5."""

import os

from upstream_site import frame_length, unmasked


def frame(connection):
    """One frame from the other side: its kind, and its payload."""
    start = bytearray()
    connection.take(2, start)
    size = start[1] & 0x7F
    if size > 125:
        longer = bytearray()
        connection.take(2 if size == 126 else 8, longer)
        size = int.from_bytes(longer, "big")
    payload = bytearray()
    connection.take(size, payload)
    return start[0] & 0x0F, bytes(payload)


def masked_echo(connection, message, kind=2):
    """Sends a message; the one that comes back."""
    mask = os.urandom(4)
    head = bytes([0x80 | kind]) + frame_length(len(message), 0x80)
    connection.send(head + mask + unmasked(message, mask))
    return frame(connection)[1]
