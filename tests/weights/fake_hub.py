"""A model hub on this machine: as much of the protocol as a download needs."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeHub(ThreadingHTTPServer):
    """Models as {id: {revision: {file: content}}}; None instead of a model asks for a licence."""

    def __init__(self, models):
        super().__init__(("127.0.0.1", 0), Handler)
        self.models = models
        self.sent: list[str] = []  # the files that were downloaded
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """/api/models/OWNER/NAME[/revision/REVISION or /tree/REVISION], and
    /OWNER/NAME/resolve/REVISION/FILE."""

    def do_GET(self):
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[0] != "api":
            self.file(parts)
            return
        model, revision = "/".join(parts[2:4]), (parts[5:] or ["main"])[0]
        if (files := self.found(model, revision)) is not None:
            tree = parts[4:5] == ["tree"]
            listing = entries(files) if tree else information(model, revision, files)
            self.answer(200, json.dumps(listing).encode())

    do_HEAD = do_GET  # noqa: N815

    def file(self, parts):
        revision, name = parts[3], "/".join(parts[4:])
        content = self.found("/".join(parts[:2]), revision)[name]
        if self.command == "GET":
            self.server.sent.append(name)
        headers = {"ETag": f'"{digest(name)}"', "X-Repo-Commit": commit(revision)}
        self.answer(200, content, headers)

    def found(self, model, revision):
        if model not in self.server.models:
            return self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        if self.server.models[model] is None:
            return self.answer(403, b"", {"X-Error-Code": "GatedRepo"})
        for name, files in self.server.models[model].items():
            if commit(name) == commit(revision):
                return files
        return self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})

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


def digest(text: str) -> str:
    """40 hex digits."""
    return hashlib.sha1(text.encode()).hexdigest()


def commit(revision: str) -> str:
    """The commit of a branch; a commit is its own."""
    return revision if len(revision) == 40 else digest(revision)


def information(model, revision, files):
    """What the hub tells of a model."""
    siblings = [{"rfilename": name} for name in files]
    return {"id": model, "modelId": model, "sha": commit(revision), "siblings": siblings}


def entries(files):
    """What the hub tells of a model's files."""
    return [
        {"type": "file", "path": name, "size": len(content), "oid": digest(name)}
        for name, content in files.items()
    ]


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
