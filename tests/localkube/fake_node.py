"""Fake the cluster's process: report readiness, accept connections, and leave a process that ignores SIGTERM."""

import json
import os
import signal
import socket
import sys
import time

with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - runs without the package's imports
    settings = json.load(file)
mode = sys.argv[2]
print("the fake node's last words", flush=True)  # noqa: T201 - its log
if mode == "dies":
    sys.exit(3)
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
with open(settings["directory"] + "/pid", "w", encoding="utf-8") as file:  # noqa: PTH123
    file.write(str(os.getpid()))
entry = socket.create_server((f"127.{settings['block']}.0.2", settings["entry_port"]))
if mode == "hangs":
    time.sleep(60)
ready = settings["directory"] + "/ready.json"
with open(ready + ".new", "w", encoding="utf-8") as file:  # noqa: PTH123
    json.dump({"url": "http://127.0.0.1:1"}, file)
os.rename(ready + ".new", ready)  # noqa: PTH104
time.sleep(60)
