"""What both ends of the soak agree on: content that says whose it is, down to its last octet.

A request's id, its asker and what the upstream got of it make a label; content is the label and then octets from a
fixed pattern, beginning where the label's checksum says. Two answers that were mixed up differ everywhere.
"""

import random
import zlib

PATTERN = random.Random(9).randbytes(1 << 20)
WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3


def octets(label, size):
    """So many octets that belong to a label."""
    label = label.encode() + b"\n"
    start = zlib.crc32(label) % 65_521
    need = max(size - len(label), 0)
    whole = PATTERN[start : start + need]
    if len(whole) < need:
        whole = (whole + PATTERN * (need // len(PATTERN) + 1))[:need]
    return (label + whole)[:size]


def summary(content):
    return f"{len(content)}:{zlib.crc32(content):08x}"


def label(identifier, user, sent):
    """`sent` is the summary of the request's content."""
    return f"{identifier} {user or '-'} {sent}"
