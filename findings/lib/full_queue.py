"""Listen with a full accept queue for some seconds, then serve: `full_queue.py PORT SECONDS`.

Linux drops the SYN of a connection that does not fit, so that a client connects by a retransmission after 1 or 3 s.
Prints "full" when the queue is full.
"""

import socket
import sys
import threading
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"


def talk(connection: socket.socket) -> None:
    """Answer each request on a connection."""
    with connection, connection.makefile("rb") as stream:
        try:
            while stream.readline():
                while stream.readline().strip():
                    pass
                connection.sendall(ANSWER)
        except OSError:
            return


def main(port: int, seconds: float) -> None:
    """Fill the queue, wait, and serve until the process ends."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen(0)
    waiting = [socket.socket() for _ in range(4)]
    for client in waiting:
        client.settimeout(0)
        client.connect_ex(("127.0.0.1", port))
    time.sleep(0.2)
    print("full", flush=True)
    time.sleep(seconds)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
