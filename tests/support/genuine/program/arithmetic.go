package main

import (
	"encoding/json"
	"sort"
	"strconv"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller"
	deploymentutil "k8s.io/kubernetes/pkg/controller/deployment/util"
)

// set is a ReplicaSet with the numbers that matter to a rollout.
type set struct {
	Replicas int32 `json:"replicas"`
	Largest  int32 `json:"largest"`
}

func amount(value any) *intstr.IntOrString {
	if number, is := value.(float64); is {
		return &intstr.IntOrString{Type: intstr.Int, IntVal: int32(number)}
	}
	return &intstr.IntOrString{Type: intstr.String, StrVal: value.(string)}
}

// bounds resolves maxSurge and maxUnavailable, with the limit that a Deployment's controller adds.
func bounds(asked question) (any, error) {
	surge, _, err := deploymentutil.ResolveFenceposts(amount(asked.Surge), amount(asked.Unavail), asked.Replicas)
	if err != nil {
		return nil, err
	}
	return map[string]int32{"surge": surge, "unavailable": deploymentutil.MaxUnavailable(rolling(asked))}, nil
}

func rolling(asked question) apps.Deployment {
	replicas := asked.Replicas
	deployment := apps.Deployment{}
	deployment.Spec.Replicas = &replicas
	deployment.Spec.Strategy = apps.DeploymentStrategy{
		Type: apps.RollingUpdateDeploymentStrategyType,
		RollingUpdate: &apps.RollingUpdateDeployment{
			MaxSurge: amount(asked.Surge), MaxUnavailable: amount(asked.Unavail),
		},
	}
	return deployment
}

func built(sets []set) []*apps.ReplicaSet {
	var found []*apps.ReplicaSet
	for number, each := range sets {
		replicas := each.Replicas
		one := &apps.ReplicaSet{}
		one.Name = "set-" + strconv.Itoa(number)
		one.Spec.Replicas = &replicas
		if each.Largest > 0 {
			one.Annotations = map[string]string{deploymentutil.MaxReplicasAnnotation: strconv.Itoa(int(each.Largest))}
		}
		found = append(found, one)
	}
	return found
}

// rollout computes the next size of the new ReplicaSet, which is the last of the sets.
func rollout(asked question) (any, error) {
	deployment, sets := rolling(asked), built(asked.Sets)
	last := sets[len(sets)-1]
	if *last.Spec.Replicas > asked.Replicas {
		// The controller itself makes a set that is too large as large as the Deployment, before it computes anything.
		return map[string]int32{"size": asked.Replicas}, nil
	}
	size, err := deploymentutil.NewRSNewReplicas(&deployment, sets, last)
	return map[string]int32{"size": size}, err
}

// scale computes how much of a change one ReplicaSet takes; the change and its taken part are in the first set.
func scale(asked question) (any, error) {
	deployment, sets := rolling(asked), built(asked.Sets[1:])
	add, added := asked.Sets[0].Replicas, asked.Sets[0].Largest
	step := deploymentutil.GetReplicaSetProportion(klog.Background(), sets[0], deployment, add, added)
	return map[string]int32{"step": step}, nil
}

// victims sorts pods as a ReplicaSet's controller deletes them.
func victims(asked question) (any, error) {
	now, err := time.Parse(time.RFC3339, asked.Now)
	if err != nil {
		return nil, err
	}
	pods, ranks, nodes := []*core.Pod{}, []int{}, map[string]int{}
	for _, raw := range asked.Items {
		one := &core.Pod{}
		if err := json.Unmarshal(raw, one); err != nil {
			return nil, err
		}
		if controller.IsPodActive(one) {
			nodes[one.Spec.NodeName]++
		}
		pods = append(pods, one)
	}
	for _, one := range pods {
		ranks = append(ranks, nodes[one.Spec.NodeName])
	}
	sort.Stable(controller.ActivePodsWithRanks{Pods: pods, Rank: ranks, Now: metav1.NewTime(now)})
	names := []string{}
	for _, one := range pods {
		names = append(names, one.Name)
	}
	return names, nil
}

func quantity(asked question) (any, error) {
	parsed, err := resource.ParseQuantity(asked.Text)
	if err != nil {
		return nil, err
	}
	return map[string]string{"canonical": parsed.String()}, nil
}

func selector(asked question) (any, error) {
	if len(asked.Object) == 0 {
		parsed, err := labels.Parse(asked.Text)
		if err != nil {
			return nil, err
		}
		return map[string]bool{"matches": parsed.Matches(labels.Set(asked.Labels))}, nil
	}
	described := &metav1.LabelSelector{}
	if err := json.Unmarshal(asked.Object, described); err != nil {
		return nil, err
	}
	parsed, err := metav1.LabelSelectorAsSelector(described)
	if err != nil {
		return nil, err
	}
	return map[string]bool{"matches": parsed.Matches(labels.Set(asked.Labels))}, nil
}
