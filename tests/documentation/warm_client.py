"""`safecase` for the shells of the documentation tests: asks the warm server, passes on its exit code.

Reads the server's address from SAFECASE_WARM_SERVER. Imports little: it is started for each command.
"""

import json
import os
import socket
import sys


def main() -> int:
    """Hand over arguments, folder, environment and the three standard streams."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(os.environ["SAFECASE_WARM_SERVER"])
        asked = {"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}
        socket.send_fds(connection, [json.dumps(asked).encode()], [0, 1, 2])
        answer = connection.recv(16)
    return int(answer) if answer else 70


if __name__ == "__main__":
    sys.exit(main())
