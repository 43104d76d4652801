"""An OpenAI-compatible embeddings endpoint on 127.0.0.1, over real HTTP, whose vectors follow from a few ideas that words stand for."""

from __future__ import annotations

import http.server
import json
import re
import threading
import time
from typing import Any

IDEAS = (
    {"pager", "rota", "oncall", "alarm", "wakes", "night"},
    {"database", "postgres", "rows", "tables"},
    {"invoice", "money", "ledger", "billing"},
    {"picture", "image", "photo"},
)
KEY = "sk-test-123"


def vector_of(text: str, dimensions: int) -> list[float]:
    """How often each idea is named, and a little of something else."""
    words = re.findall(r"[a-z]+", text.lower())
    counts = [float(sum(word in idea for word in words)) for idea in IDEAS]
    return [*counts, 0.05, *[0.0] * dimensions][:dimensions]


class EmbeddingServer:
    """``status``, ``headers`` and ``pause_s`` of its answers can be set; a text with ``poison`` is refused. ``asked`` are bodies with headers."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, Any], dict[str, str]]] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.pause_s = 0.0
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.asked.append((body, {name.lower(): value for name, value in self.headers.items()}))
                time.sleep(server.pause_s)
                status, answer = server.answer(self.path, body, self.headers.get("authorization"))
                content = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {**server.headers, "content-length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, path: str, body: dict[str, Any], authorization: str | None) -> tuple[int, Any]:
        if authorization != f"Bearer {KEY}":
            return 401, {"error": {"message": f"no such key: {authorization}"}}
        if path != "/v1/embeddings" or self.status != 200:
            return self.status if self.status != 200 else 404, {"error": {"message": f"broken, {authorization}"}}
        texts = body["input"]
        if any("poison" in text for text in texts):
            return 400, {"error": {"message": "this text is not allowed"}}
        data = [{"index": at, "embedding": vector_of(text, body.get("dimensions", 6))} for at, text in enumerate(texts)]
        return 200, {"data": data[::-1], "model": body["model"]}  # in another order than asked

    @property
    def texts(self) -> list[str]:
        """Everything it was asked to embed, oldest first."""
        return [text for body, _ in self.asked for text in body["input"]]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
