"""A real FTP server, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

USER, PASSWORD = "ann", "correct horse"

_PROGRAM = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

root, cert, features = sys.argv[1:]
base = TLS_FTPHandler if cert else FTPHandler
class Handler(base):
    authorizer = DummyAuthorizer()
    if cert:
        certfile, tls_control_required, tls_data_required = cert, True, True
if "old" in features:
    Handler.proto_cmds = {k: v for k, v in base.proto_cmds.items() if k not in ("MLSD", "MLST")}
if "breaks" in features:
    class Breaking(base.dtp_handler):
        left = 2
        def send(self, data):
            sent = super().send(data)
            if Breaking.left and self.get_transmitted_bytes() > 200_000:
                Breaking.left -= 1
                self.cmd_channel.close()
                self.close()
            return sent
    Handler.dtp_handler = Breaking
    Handler.use_sendfile = False
Handler.authorizer.add_user("ann", "correct horse", root, perm="elr")
server = FTPServer(("127.0.0.1", 0), Handler)
print(server.address[1], flush=True)
server.serve_forever()
"""


class FtpServer:
    """Serves ``root`` to one user.  ``features``: ``old`` knows no MLSD; ``breaks`` hangs up in
    the midst of two transfers."""

    def __init__(self, root: Path, features: str = "", cert: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _PROGRAM, root, cert or "", features],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
