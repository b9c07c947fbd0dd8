#!/usr/bin/env bash
# PyYAML and ruamel.yaml write strings that Kubernetes reads as numbers or booleans.
#
# Expected: a string that goes through yaml.safe_dump() into a manifest arrives at the API server as that string.
# Happens: PyYAML leaves 7e10, 08, 0o14, y and n without quotes, since it reads them as strings itself; sigs.k8s.io/yaml,
#   which kubectl and controllers use, reads 70000000000, 8, 12, true and false. ruamel.yaml (YAML 1.2) quotes the first
#   three and writes yes, no, on and off bare, which Kubernetes reads as booleans.
# Versions: PyYAML 6.0.4, ruamel.yaml 0.19.1, sigs.k8s.io/yaml 1.6.0, seen 2026-11-29.
# Matters: a label with a short commit id (nearly one id of seven digits in a hundred is digits and one "e"), a build
#   number of 08 or a variable of "y" is refused, or is another value: the change under test is not the one planned.
#   Send JSON to the API, or have the document read back by a YAML 1.1 and a Go parser in the tests.
# Source: https://github.com/kubernetes-sigs/yaml
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips PyYAML==6.0.4 ruamel.yaml==0.19.1
mkdir "$tmp/reader"
cat >"$tmp/reader/main.go" <<'GO'
package main

import (
	"io"
	"os"

	"sigs.k8s.io/yaml"
)

func main() {
	text, _ := io.ReadAll(os.Stdin)
	out, err := yaml.YAMLToJSON(text)
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(out)
}
GO
gobuild reader sigs.k8s.io/yaml@v1.6.0
expected "each string comes back as the same string"
"$tmp/venv/bin/python" - "$tmp/reader/reader" <<'PY'
import io, json, subprocess, sys
import ruamel.yaml
import yaml
from seen import seen

def kubernetes(text):
    return json.loads(subprocess.run([sys.argv[1]], input=text, capture_output=True, text=True, check=True).stdout)["v"]

def with_ruamel(value):
    out = io.StringIO()
    dumper = ruamel.yaml.YAML(typ="safe")
    dumper.default_flow_style = False
    dumper.dump({"v": value}, out)
    return out.getvalue()

def read_back(dump):
    return {v: kubernetes(dump(v)) for v in ("7e10", "08", "0o14", "y", "n", "yes", "no", "on", "off", "1.20", "text")}

pyyaml = {v: k for v, k in read_back(lambda v: yaml.safe_dump({"v": v})).items() if v != k or not isinstance(k, str)}
seen(pyyaml == {"7e10": 7e10, "08": 8, "0o14": 12, "y": True, "n": False}, f"PyYAML to Kubernetes: {pyyaml}")
ruamel_ = {v: k for v, k in read_back(with_ruamel).items() if v != k or not isinstance(k, str)}
wanted = {"y": True, "n": False, "yes": True, "no": False, "on": True, "off": False}
seen(ruamel_ == wanted, f"ruamel.yaml to Kubernetes: {ruamel_}")
seen(yaml.safe_load("v: 7e10\n")["v"] == "7e10", "PyYAML reads its own 7e10 back as a string, so a round trip in a test passes")
PY
