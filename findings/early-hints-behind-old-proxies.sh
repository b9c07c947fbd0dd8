#!/usr/bin/env bash
# nginx and Varnish: a backend that sends 103 Early Hints before its answer loses the request.
#
# Expected: a proxy that does not know 103 skips it, as HTTP demands of 1xx, and passes on the final answer.
# Happens: nginx 1.22 takes 103 for the final status: it sends the client "103" and waits for a body until
#   proxy_read_timeout, then closes. The access log says 103. Varnish 7.1 answers 503 at once. HAProxy passes both on.
# Versions: nginx 1.22.1, Varnish 7.1.1, HAProxy 2.6.12 (all Debian 12), seen 2026-11-29.
# Matters: an application's upgrade that turns early hints on loses every such request behind these proxies, without
#   one error status in nginx's log; the old version of the application next to it works.
# Source: https://nginx.org/en/docs/http/ngx_http_core_module.html#early_hints (nginx 1.29 and later)
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
debs nginx=1.22.1-9+deb12u11 varnish=7.1.1-2+deb12u1 libvarnishapi3=7.1.1-2+deb12u1 libjemalloc2=5.3.0-1 \
  haproxy=2.6.12-1+deb12u4 liblua5.3-0=5.3.6-2 libopentracing-c-wrapper0=1.1.3-3+b1 libopentracing1=1.6.0-4
need cc  # varnishd compiles its configuration
start_faulty
root=$tmp/unpacked/usr
libraries=$root/lib/$(uname -m)-linux-gnu
nginx=$(free_port)
mkdir "$tmp/nginx"
cat >"$tmp/nginx.conf" <<CONF
daemon off; worker_processes 1; pid $tmp/nginx/pid; error_log $tmp/nginx/error.log; user $(id -un);
events {}
http {
  access_log $tmp/nginx/access.log; client_body_temp_path $tmp/nginx/a; proxy_temp_path $tmp/nginx/b;
  fastcgi_temp_path $tmp/nginx/c; uwsgi_temp_path $tmp/nginx/d; scgi_temp_path $tmp/nginx/e;
  server {
    listen 127.0.0.1:$nginx;
    location / { proxy_pass http://127.0.0.1:$faulty; proxy_http_version 1.1; proxy_read_timeout 3s; }
  }
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
start haproxy env LD_LIBRARY_PATH="$libraries" "$root/sbin/haproxy" -f "$tmp/haproxy.cfg"
varnish=$(free_port)
cat >"$tmp/pass.vcl" <<CONF
vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "$faulty"; }
sub vcl_recv { return (pass); }
CONF
start varnish env LD_LIBRARY_PATH="$libraries:$root/lib/$(uname -m)-linux-gnu/varnish" "$root/sbin/varnishd" -F \
  -a "127.0.0.1:$varnish" -f "$tmp/pass.vcl" -n "$tmp/varnish" -s malloc,8m -j none
for port in "$nginx" "$haproxy" "$varnish"; do wait_port "$port"; done

expected "the client gets the 200 that follows the 103"
python3 - "$nginx" "$varnish" "$haproxy" "$tmp/nginx/access.log" <<'PY'
import sys, time
from pathlib import Path
from raw import Raw
from seen import seen
nginx, varnish, haproxy = map(int, sys.argv[1:4])
for port in (nginx, varnish, haproxy):
    seen(str(Raw(port).ask(path="/whole")) == "200, whole", "without early hints: 200, whole")
start = time.monotonic()
answer = Raw(nginx, timeout=10).ask(path="/early-hints")
took = time.monotonic() - start
seen(answer.status == 0 and answer.ended == "closed" and took > 2.5, f"nginx: {answer} after {took:.1f} s, its proxy_read_timeout")
time.sleep(0.5)
line = next(line for line in Path(sys.argv[4]).read_text().splitlines() if "/early-hints" in line)
seen('" 103 ' in line, "nginx: the access log says 103")
answer = Raw(varnish).ask(path="/early-hints")
seen(answer.status == 503, f"Varnish: {answer}")
answer = Raw(haproxy).ask(path="/early-hints")
seen(str(answer) == "200, whole", f"HAProxy: {answer}")
PY
