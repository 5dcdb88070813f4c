"""What an endpoint of the scripted provider hears and says."""

import json
from urllib.parse import parse_qs, parse_qsl, urlsplit


class Call:
    """A request to an endpoint: `form` and `query` with each name's last value, `pairs` with all."""

    def __init__(self, handler, content):
        parts = urlsplit(handler.path)
        self.method, self.path = handler.command, parts.path
        self.fields = handler.headers
        self.certificate = getattr(handler.connection, "getpeercert", lambda: None)()
        self.content = content
        self.pairs = parse_qsl(parts.query, keep_blank_values=True)
        self.query = dict(self.pairs)
        self.form = {n: v[-1] for n, v in parse_qs(content.decode("latin-1"), keep_blank_values=True).items()}


class Reply:
    """An answer; `content` that is no text or octets goes as JSON. `cut` ends the connection after so many octets;
    `raw` is sent as it stands instead, and then the connection's end."""

    def __init__(self, status=200, content=b"", fields=(), media_type=None, cut=None, raw=None):
        is_json = not isinstance(content, (bytes, str))
        self.status, self.cut, self.raw = status, cut, raw
        self.media_type = media_type or ("application/json" if is_json else "text/html")
        text = json.dumps(content) if is_json else content
        self.content = text.encode() if isinstance(text, str) else text
        self.fields = list(fields)


class Refused(Exception):
    """An error of RFC 6749 section 5.2."""

    def __init__(self, error, status=400, description=None):
        self.reply = Reply(status, {"error": error, **({"error_description": description} if description else {})})
