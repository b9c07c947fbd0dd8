#!/usr/bin/env bash
# h2o and lighttpd: a chunked body that the backend cuts reaches the client as a whole answer.
#
# Expected: a reverse proxy that cannot pass on the end of a body closes the client's connection without the last chunk.
# Happens: h2o sends the last chunk itself; lighttpd sends a Content-Length of what it got. The client has a valid 200.
#   A cut body with Content-Length is passed on as cut by h2o; lighttpd leaves the client's connection open, waiting for
#   bytes that never come. nginx and HAProxy close the connection in both cases.
# Versions: h2o 2.2.5, lighttpd 1.4.69, nginx 1.22.1, HAProxy 2.6.12 (all Debian 12), seen 2026-11-29.
# Matters: the loss is gone from every client's view: half a JSON list or half a file, with a status of 200 and correct
#   framing. Only a check of the content, or of its length, finds it.
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
debs h2o=2.2.5+dfsg2-7 lighttpd=1.4.69-1 nginx=1.22.1-9+deb12u11 haproxy=2.6.12-1+deb12u4 liblua5.3-0=5.3.6-2 \
  libopentracing-c-wrapper0=1.1.3-3+b1 libopentracing1=1.6.0-4
start_faulty
root=$tmp/unpacked/usr
h2o=$(free_port)
cat >"$tmp/h2o.conf" <<CONF
hosts:
  default:
    listen: {host: 127.0.0.1, port: $h2o}
    paths:
      /:
        proxy.reverse.url: "http://127.0.0.1:$faulty/"
CONF
start h2o "$root/bin/h2o" -c "$tmp/h2o.conf"
lighttpd=$(free_port)
cat >"$tmp/lighttpd.conf" <<CONF
server.document-root = "$tmp"
server.bind = "127.0.0.1"
server.port = $lighttpd
server.modules = ("mod_proxy")
proxy.server = ("" => (("host" => "127.0.0.1", "port" => $faulty)))
CONF
start lighttpd "$root/sbin/lighttpd" -D -f "$tmp/lighttpd.conf" -m "$root/lib/lighttpd"
nginx=$(free_port)
mkdir "$tmp/nginx"
cat >"$tmp/nginx.conf" <<CONF
daemon off; worker_processes 1; pid $tmp/nginx/pid; error_log $tmp/nginx/error.log; user $(id -un);
events {}
http {
  access_log off; client_body_temp_path $tmp/nginx/a; proxy_temp_path $tmp/nginx/b; fastcgi_temp_path $tmp/nginx/c;
  uwsgi_temp_path $tmp/nginx/d; scgi_temp_path $tmp/nginx/e;
  server { listen 127.0.0.1:$nginx; location / { proxy_pass http://127.0.0.1:$faulty; proxy_http_version 1.1; } }
}
CONF
start nginx "$root/sbin/nginx" -p "$tmp/nginx" -c "$tmp/nginx.conf" -e "$tmp/nginx/error.log"
haproxy=$(free_port)
cat >"$tmp/haproxy.cfg" <<CONF
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
listen proxy
  bind 127.0.0.1:$haproxy
  server backend 127.0.0.1:$faulty
CONF
start haproxy env LD_LIBRARY_PATH="$root/lib/$(uname -m)-linux-gnu" "$root/sbin/haproxy" -f "$tmp/haproxy.cfg"
for port in "$h2o" "$lighttpd" "$nginx" "$haproxy"; do wait_port "$port"; done

expected "a body cut by the backend is cut for the client, with each proxy"
python3 - "h2o=$h2o" "lighttpd=$lighttpd" "nginx=$nginx" "haproxy=$haproxy" <<'PY'
import sys
from raw import Raw
from seen import seen
for proxy, port in (part.split("=") for part in sys.argv[1:]):
    whole = Raw(int(port)).ask(path="/whole")
    chunked, sized = (Raw(int(port)).ask(path=path) for path in ("/cut-chunked", "/cut"))
    seen(str(whole) == "200, whole", f"{proxy}: whole body: {whole}")
    ends = {"h2o": ("whole", "closed"), "lighttpd": ("whole", "silent")}.get(proxy, ("closed", "closed"))
    half = b"01234" in chunked.body and b"56789" not in chunked.body
    seen(half and (chunked.ended, sized.ended) == ends and chunked.status == sized.status == 200, f"{proxy}: cut chunked body: {chunked}; cut body with a length: {sized}")
PY
