#!/usr/bin/env bash
# Helm 3: `--wait` and `--atomic` call a Deployment ready although none of its pods is ready.
#
# Expected: `helm upgrade --wait` waits, as `kubectl rollout status` does, until all new pods are ready.
# Happens: it waits for replicas minus maxUnavailable ready pods of the new ReplicaSet. With one replica and maxUnavailable
#   1 (or 100%) that is zero: the upgrade is done at once, and `--atomic` rolls nothing back. With two replicas and
#   maxUnavailable 1, one new pod is enough.
# Versions: helm.sh/helm/v3 3.22.0, package kube (ReadyChecker, which --wait uses), seen 2026-11-29.
# Matters: with one replica and maxUnavailable 1 no other pod serves. The pipeline is green although the image
#   may never start, and a test that runs "after the rollout" runs before it.
# Source: https://helm.sh/docs/v3/intro/using_helm, "--wait"
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
mkdir "$tmp/wait"
cat >"$tmp/wait/main.go" <<'GO'
// Arguments: replicas, maxUnavailable, and the ready pods of the new ReplicaSet. Prints whether Helm stops waiting.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"helm.sh/helm/v3/pkg/kube"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes/fake"
)

func number(text string) int32 {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return int32(n)
}

func main() {
	replicas, ready := number(os.Args[1]), number(os.Args[3])
	unavailable, surge := intstr.Parse(os.Args[2]), intstr.Parse("25%")
	shop, controls := map[string]string{"app": "shop"}, true
	pods := core.PodTemplateSpec{ObjectMeta: meta.ObjectMeta{Labels: shop}}
	deployment := &apps.Deployment{
		ObjectMeta: meta.ObjectMeta{Name: "shop", Namespace: "default", UID: "shop", Generation: 2},
		Spec: apps.DeploymentSpec{
			Replicas: &replicas,
			Selector: &meta.LabelSelector{MatchLabels: shop},
			Template: pods,
			Strategy: apps.DeploymentStrategy{
				Type:          apps.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &apps.RollingUpdateDeployment{MaxUnavailable: &unavailable, MaxSurge: &surge},
			},
		},
		Status: apps.DeploymentStatus{ObservedGeneration: 2},
	}
	added := &apps.ReplicaSet{
		ObjectMeta: meta.ObjectMeta{Name: "shop-2", Namespace: "default", Labels: shop,
			OwnerReferences: []meta.OwnerReference{{UID: "shop", Controller: &controls}}},
		Spec:   apps.ReplicaSetSpec{Replicas: &replicas, Template: pods},
		Status: apps.ReplicaSetStatus{Replicas: replicas, ReadyReplicas: ready},
	}
	checker := kube.NewReadyChecker(fake.NewSimpleClientset(deployment, added), func(string, ...interface{}) {})
	done, err := checker.IsReady(context.Background(),
		&resource.Info{Name: "shop", Namespace: "default", Object: deployment})
	if err != nil {
		panic(err)
	}
	fmt.Println(done)
}
GO
gobuild wait helm.sh/helm/v3@v3.22.0
# waits REPLICAS MAX_UNAVAILABLE READY: Helm goes on waiting.
waits() { [ "$("$tmp/wait/wait" "$@")" = false ]; }
is_done() { [ "$("$tmp/wait/wait" "$@")" = true ]; }

expected "fewer ready new pods than replicas: it waits"
seen "1 replica, maxUnavailable 25%, 0 ready: waits" waits 1 25% 0
seen "1 replica, maxUnavailable 25%, 1 ready: done" is_done 1 25% 1
seen "1 replica, maxUnavailable 1, 0 ready: done" is_done 1 1 0
seen "1 replica, maxUnavailable 100%, 0 ready: done" is_done 1 100% 0
seen "2 replicas, maxUnavailable 1, 0 ready: waits" waits 2 1 0
seen "2 replicas, maxUnavailable 1, 1 ready: done" is_done 2 1 1
