#!/usr/bin/env bash
# JSON patch: the API server's library and Python's jsonpatch disagree on what `test` and `replace` let through.
#
# Expected: one RFC, one result: `test` of an absent key fails, `replace` of an absent key fails, 1 equals 1.0.
# Happens: evanphx/json-patch v4, the Kubernetes API server's, lets `test` with null pass for an absent key, adds the key
#   on `replace`, takes -1 for the last item of a list, and finds 1 and 1.0 different. python-jsonpatch does the opposite
#   in all four. v5 of the Go library refuses only the `replace`.
# Versions: gopkg.in/evanphx/json-patch.v4 4.13.0, github.com/evanphx/json-patch/v5 5.9.11, jsonpatch 1.48, seen 2026-11-29.
# Matters: `test` guards an undo or a switch of routing against a change by someone else. A guard that was tried with
#   Python lets the patch through, or refuses it, on the cluster.
# Source: RFC 6902, section 4.6; https://github.com/evanphx/json-patch
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips jsonpatch==1.48
mkdir "$tmp/patch"
cat >"$tmp/patch/main.go" <<'GO'
// Reads {"document":..., "patches":[...]} and prints, per patch, the results of v4 and v5; null where it is refused.
package main

import (
	"encoding/json"
	"os"

	v5 "github.com/evanphx/json-patch/v5"
	v4 "gopkg.in/evanphx/json-patch.v4"
)

func result(out []byte, err error) json.RawMessage {
	if err != nil {
		return json.RawMessage("null")
	}
	return out
}

func main() {
	var in struct {
		Document json.RawMessage
		Patches  []json.RawMessage
	}
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		panic(err)
	}
	results := [][2]json.RawMessage{}
	for _, patch := range in.Patches {
		four, err := v4.DecodePatch(patch)
		if err != nil {
			panic(err)
		}
		five, err := v5.DecodePatch(patch)
		if err != nil {
			panic(err)
		}
		results = append(results, [2]json.RawMessage{result(four.Apply(in.Document)), result(five.Apply(in.Document))})
	}
	json.NewEncoder(os.Stdout).Encode(results)
}
GO
gobuild patch github.com/evanphx/json-patch/v5@v5.9.11 gopkg.in/evanphx/json-patch.v4@v4.13.0
expected "Python and Go agree on each patch"
"$tmp/venv/bin/python" - "$tmp/patch/patch" <<'PY'
import json, subprocess, sys
import jsonpatch
from seen import seen
document = {"spec": {"replicas": 1}, "list": [1, 2, 3]}
operations = {
    "test null, absent key": {"op": "test", "path": "/spec/paused", "value": None},
    "replace, absent key": {"op": "replace", "path": "/spec/paused", "value": True},
    "replace, index -1": {"op": "replace", "path": "/list/-1", "value": 9},
    "test 1.0, value 1": {"op": "test", "path": "/spec/replicas", "value": 1.0},
    "test 1, value 1": {"op": "test", "path": "/spec/replicas", "value": 1},
}
text = json.dumps({"document": document, "patches": [[o] for o in operations.values()]})
go = json.loads(subprocess.run([sys.argv[1]], input=text, capture_output=True, text=True, check=True).stdout)
got = {}
for (name, operation), (four, five) in zip(operations.items(), go):
    try:
        python = jsonpatch.JsonPatch([operation]).apply(document)
    except jsonpatch.JsonPatchException:
        python = None
    except jsonpatch.JsonPointerException:
        python = None
    got[name] = tuple("refused" if r is None else "passes" for r in (four, five, python))
wanted = {
    "test null, absent key": ("passes", "passes", "refused"),
    "replace, absent key": ("passes", "refused", "refused"),
    "replace, index -1": ("passes", "passes", "refused"),
    "test 1.0, value 1": ("refused", "refused", "passes"),
    "test 1, value 1": ("passes", "passes", "passes"),
}
for name, results in wanted.items():
    seen(got[name] == results, f"{name}: v4 {got[name][0]}, v5 {got[name][1]}, Python {got[name][2]}")
added = go[1][0]
seen(added["spec"].get("paused") is True, "v4's replace has added the key")
PY
