#!/usr/bin/env bash
# kubectl apply: two ports with one number, TCP and UDP, are one list item; removing one removes both.
#
# Expected: a Service has 443/TCP; `kubectl apply` with 443/UDP added (HTTP/3) adds it. Without it again, it is removed.
# Happens: client-side apply merges the ports of a Service by number alone. The added UDP port is merged into nothing: the
#   Service keeps 443/TCP only, or becomes 443/UDP only when UDP comes first in the manifest. When a Service has both, and the
#   new manifest lacks one, the patch deletes both. Each time the patch is accepted and applied without an error.
# Versions: k8s.io/apimachinery and k8s.io/api 0.37.2, the library of kubectl and of the API server, seen 2026-11-29.
# Matters: an edit that adds or removes HTTP/3 takes HTTPS away. Server-side apply merges by number and protocol.
# Source: patchMergeKey of ServiceSpec.Ports, https://kubernetes.io/docs/reference/generated/kubernetes-api/
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
mkdir "$tmp/apply"
cat >"$tmp/apply/main.go" <<'GO'
// Applies manifests one after the other, as `kubectl apply` does, and prints the ports after each.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// manifest reads "80/TCP 443/UDP".
func manifest(text string) []byte {
	service := core.Service{}
	for _, port := range strings.Fields(text) {
		number, protocol, _ := strings.Cut(port, "/")
		n, _ := strconv.Atoi(number)
		service.Spec.Ports = append(service.Spec.Ports, core.ServicePort{
			Name: strings.ToLower(protocol) + number, Port: int32(n), Protocol: core.Protocol(protocol)})
	}
	out, err := json.Marshal(service)
	if err != nil {
		panic(err)
	}
	return out
}

func ports(object []byte) string {
	service := core.Service{}
	if err := json.Unmarshal(object, &service); err != nil {
		panic(err)
	}
	found := []string{}
	for _, port := range service.Spec.Ports {
		found = append(found, fmt.Sprintf("%d/%s", port.Port, port.Protocol))
	}
	return strings.Join(found, " ")
}

func main() {
	meta, err := strategicpatch.NewPatchMetaFromStruct(core.Service{})
	if err != nil {
		panic(err)
	}
	last, live := manifest(os.Args[1]), manifest(os.Args[1])
	for _, text := range os.Args[2:] {
		next := manifest(text)
		patch, err := strategicpatch.CreateThreeWayMergePatch(last, next, live, meta, true)
		if err != nil {
			panic(err)
		}
		live, err = strategicpatch.StrategicMergePatch(live, patch, core.Service{})
		if err != nil {
			panic(err)
		}
		last = next
		fmt.Println(ports(live))
	}
}
GO
gobuild apply k8s.io/api@v0.37.2 k8s.io/apimachinery@v0.37.2
# applied LIVE MANIFEST: the ports after the manifest is applied to a Service that was created as LIVE.
applied() { "$tmp/apply/apply" "$1" "$2"; }
is() { [ "$(applied "$1" "$2")" = "$3" ]; }

expected "after each apply the Service has the ports of the manifest"
seen "other numbers: 80/TCP becomes 80/TCP 443/TCP" is "80/TCP" "80/TCP 443/TCP" "80/TCP 443/TCP"
seen "other numbers: 80/TCP 443/TCP becomes 80/TCP" is "80/TCP 443/TCP" "80/TCP" "80/TCP"
seen "443/TCP, then 443/TCP 443/UDP applied: 443/TCP" is "443/TCP" "443/TCP 443/UDP" "443/TCP"
seen "443/TCP, then 443/UDP 443/TCP applied: 443/UDP" is "443/TCP" "443/UDP 443/TCP" "443/UDP"
seen "80/TCP 443/TCP 443/UDP, then 80/TCP 443/TCP applied: 80/TCP" is "80/TCP 443/TCP 443/UDP" "80/TCP 443/TCP" "80/TCP"
