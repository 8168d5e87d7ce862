"""A model hub on this machine: as much of the protocol as a download needs."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub(ThreadingHTTPServer):
    """Models as {id: {revision: {file: content}}}; None instead of a model asks for a licence."""

    def __init__(self, models):
        super().__init__(("127.0.0.1", 0), Handler)
        self.models = models
        self.sent: list[str] = []  # the files that were downloaded
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """/api/models/OWNER/NAME[/revision/REVISION] and /OWNER/NAME/resolve/REVISION/FILE."""

    def do_GET(self):
        parts = self.path.partition("?")[0].strip("/").split("/")
        self.api("/".join(parts[2:4]), parts[5:]) if parts[0] == "api" else self.file(parts)

    do_HEAD = do_GET  # noqa: N815

    def api(self, model, revision):
        files = self.found(model, revision[0] if revision else "main")
        if files is not None:
            siblings = [{"rfilename": name} for name in files]
            info = {"id": model, "modelId": model, "sha": COMMIT, "siblings": siblings}
            self.answer(200, json.dumps(info).encode())

    def file(self, parts):
        files = self.found("/".join(parts[:2]), "main")
        name = "/".join(parts[4:])
        if self.command == "GET":
            self.server.sent.append(name)
        self.answer(200, files[name], {"ETag": f'"{hash(name)}"', "X-Repo-Commit": COMMIT})

    def found(self, model, revision):
        if model not in self.server.models:
            return self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        if self.server.models[model] is None:
            return self.answer(403, b"", {"X-Error-Code": "GatedRepo"})
        revisions = self.server.models[model]
        if revision not in revisions and revision != COMMIT:
            return self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        return revisions.get(revision, revisions["main"])

    def answer(self, status, content, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *args):
        """Quiet."""


@contextmanager
def serving(models) -> Iterator[FakeHub]:
    """The hub, as long as the block lasts."""
    with FakeHub(models) as hub:
        thread = threading.Thread(target=hub.serve_forever)
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()
