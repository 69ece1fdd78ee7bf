"""A registrar gives the nonce after it has seen the plan's digest: a command or a server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from safecase.base import InfrastructureError, InputError
from safecase.engine import draw_own_nonce, registrar
from safecase.model import NonceSource, RegistrarProof

DIGEST = "sha256:" + "1" * 64
GIVEN = {"nonce": "ab" * 32, "registrar": "the records server", "public_key": "AAAA", "signature": "BBBB"}


def command(folder: Path, body: str) -> str:
    (folder / "registrar.py").write_text(f"import json, sys\ndigest = sys.stdin.readline().strip()\n{body}\n")
    return f"{sys.executable} registrar.py"


def test_own_nonces_are_fresh() -> None:
    drawn = {draw_own_nonce(DIGEST).value for _ in range(20)}
    assert len(drawn) == 20
    assert all(len(bytes.fromhex(value)) == 32 for value in drawn)
    assert draw_own_nonce(DIGEST).source is NonceSource.OWN


def test_a_command_reads_the_digest_and_answers(tmp_path: Path) -> None:
    body = f"assert digest == {DIGEST!r}\nprint(json.dumps({GIVEN!r}))"
    nonce = registrar(command(tmp_path, body), tmp_path)(DIGEST)
    assert (nonce.value, nonce.source) == (GIVEN["nonce"], NonceSource.REGISTRAR)
    assert nonce.proof == RegistrarProof(registrar="the records server", public_key="AAAA", signature="BBBB")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit('closed today')", "exit code 1: closed today"),
        ("print('hello')", "does not read"),
        ("print('[]')", "does not read"),
        ("print(json.dumps({'nonce': 'xy'}))", "64 hex digits"),
        ("print(json.dumps({'nonce': 'ab' * 32, 'signature': 'no base64!'}))", "does not read"),
        ("print(json.dumps({'nonce': 'ab' * 32, 'x': 'y' * 100000}))", "longer than"),
    ],
)
def test_an_answer_that_is_none_stops_the_run(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(InfrastructureError, match="registrar gave no nonce") as caught:
        registrar(command(tmp_path, body), tmp_path)(DIGEST)
    assert words in caught.value.message


def test_a_command_that_cannot_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a command"):
        registrar("what's this", tmp_path)
    with pytest.raises(InfrastructureError, match="gave no nonce"):
        registrar("/no/such/program", tmp_path)(DIGEST)


def test_a_server_gets_the_digest_as_json(tmp_path: Path) -> None:
    import http.server
    import threading

    seen: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if len(seen) == 1 else 503)
            self.end_headers()
            self.wfile.write(json.dumps(GIVEN).encode())

        def log_message(self, *arguments: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ask = registrar(f"http://127.0.0.1:{server.server_port}/nonces", tmp_path)
        assert ask(DIGEST).value == GIVEN["nonce"]
        assert seen == [{"plan_digest": DIGEST}]
        with pytest.raises(InfrastructureError, match="503"):
            ask(DIGEST)
        server.shutdown()
