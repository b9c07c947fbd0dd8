package main

import (
	"encoding/json"
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/record"
	"k8s.io/endpointslice"
	endpointsliceutil "k8s.io/endpointslice/util"
	"k8s.io/klog/v2"
)

// perSlice is the default of the controller manager.
const perSlice = 100

// slices lets the endpoint slice reconciler write the slices of a Service.
//
// Items are its pods; it has no slices before. The answer has the writes in their order.
func slices(asked question) (any, error) {
	service := &core.Service{}
	if err := json.Unmarshal(asked.Object, service); err != nil {
		return nil, err
	}
	pods := []*core.Pod{}
	for _, raw := range asked.Items {
		one := &core.Pod{}
		if err := json.Unmarshal(raw, one); err != nil {
			return nil, err
		}
		pods = append(pods, one)
	}
	client := fake.NewClientset()
	number := 0
	client.PrependReactor("create", "endpointslices", func(action ktesting.Action) (bool, runtime.Object, error) {
		slice := action.(ktesting.CreateAction).GetObject().(*discovery.EndpointSlice)
		slice.Name = fmt.Sprintf("%snew%d", slice.GenerateName, number)
		slice.GenerateName = ""
		number++
		return false, slice, nil
	})
	nodes := informers.NewSharedInformerFactory(client, 0).Core().V1().Nodes()
	for _, one := range pods {
		node := &core.Node{ObjectMeta: metav1.ObjectMeta{Name: one.Spec.NodeName}}
		if err := nodes.Informer().GetIndexer().Add(node); err != nil {
			return nil, err
		}
	}
	reconciler := endpointslice.NewReconciler(
		client, nodes.Lister(), perSlice, endpointsliceutil.NewEndpointSliceTracker(), nil,
		record.NewFakeRecorder(100), "endpointslice-controller.k8s.io",
	)
	if err := reconciler.Reconcile(klog.Background(), service, pods, nil, time.Time{}); err != nil {
		return nil, err
	}
	return writes(client), nil
}

// write is one request of the reconciler.
type write struct {
	Verb   string                   `json:"verb"`
	Name   string                   `json:"name"`
	Object *discovery.EndpointSlice `json:"object,omitempty"`
}

func writes(client *fake.Clientset) []write {
	found := []write{}
	for _, action := range client.Actions() {
		switch each := action.(type) {
		case ktesting.CreateAction: // An update has the same methods.
			slice := each.GetObject().(*discovery.EndpointSlice)
			found = append(found, write{action.GetVerb(), slice.Name, slice})
		case ktesting.DeleteAction:
			found = append(found, write{action.GetVerb(), each.GetName(), nil})
		}
	}
	return found
}
