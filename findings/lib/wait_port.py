"""Wait up to 30 seconds until a port on loopback takes connections."""

import socket
import sys
import time

end = time.monotonic() + 30
while time.monotonic() < end:
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=1).close()
    except OSError:
        time.sleep(0.1)
    else:
        sys.exit(0)
sys.exit(f"nothing listens on port {sys.argv[1]}")
