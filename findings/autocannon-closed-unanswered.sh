#!/usr/bin/env bash
# autocannon: a request whose connection is closed without an answer is no error.
#
# Expected: errors, or at least fewer requests sent than asked for, and an exit code that says so.
# Happens: it reconnects, counts the request as sent, and reports 0 errors, 0 timeouts, 0 resets and exit code 0; with
#   a server that closes every connection it reports an average of 0 requests and still no error.
# Versions: autocannon 9.0.0 (npm), seen 2026-11-29.
# Matters: a pod that is killed with requests in flight closes its connections; autocannon's error column stays at 0.
#   Only the difference between requests sent and answers counted shows the loss, and the printed table has no such row.
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
npms autocannon@9.0.0
start_faulty

expected "20 requests, 10 of them closed unanswered: 10 errors"
for path in one-in-two-closes closes; do
  code=0
  "$tmp/node_modules/.bin/autocannon" -c 1 -a 20 -t 2 -j "http://127.0.0.1:$faulty/$path" >"$tmp/$path.json" 2>/dev/null || code=$?
  python3 - "$tmp/$path.json" "$code" "$(requests_read "GET/$path")" <<'PY'
import json, sys
from seen import seen
r = json.load(open(sys.argv[1]))
answered, bad = r["2xx"], {k: r[k] for k in ("errors", "timeouts", "non2xx", "resets", "mismatches")}
seen(int(sys.argv[3]) == 20 == r["requests"]["sent"], "the server read 20 requests and autocannon sent 20")
seen(answered in (0, 10) and not any(bad.values()), f"{answered} answers, and {bad}")
seen(sys.argv[2] == "0", "exit code 0")
PY
done
