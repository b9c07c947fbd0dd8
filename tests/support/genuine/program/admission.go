package main

import (
	"context"
	"encoding/json"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/discovery/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/apps/replicaset"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/pod"
	"k8s.io/kubernetes/pkg/registry/core/secret"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/discovery/endpointslice"
	"k8s.io/kubernetes/pkg/registry/networking/ingress"
)

// strategy is what the registry of a kind has for creating and for replacing.
type strategy interface {
	rest.RESTCreateStrategy
	rest.RESTUpdateStrategy
}

var strategies = map[string]strategy{
	"Deployment":    deployment.Strategy,
	"ReplicaSet":    replicaset.Strategy,
	"Pod":           pod.Strategy,
	"Service":       service.Strategy,
	"Ingress":       ingress.Strategy,
	"ConfigMap":     configmap.Strategy,
	"Secret":        secret.Strategy,
	"EndpointSlice": endpointslice.Strategy,
}

// cause is one refused field.
type cause struct {
	Field   string `json:"field"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// admitted is the answer to the wish to store an object.
type admitted struct {
	Undecodable string          `json:"undecodable,omitempty"`
	Unknown     []string        `json:"unknown,omitempty"`
	Causes      []cause         `json:"causes,omitempty"`
	Warnings    []string        `json:"warnings,omitempty"`
	Object      json.RawMessage `json:"object,omitempty"`
}

type heard struct{ texts []string }

func (h *heard) AddWarning(_, text string) { h.texts = append(h.texts, text) }

var strict = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)

// decoded reads an object of a served version, sets its defaults, and converts it to the internal version.
func decoded(raw json.RawMessage) (runtime.Object, schema.GroupVersionKind, []string, error) {
	var unknown []string
	_, _, err := strict.UniversalDeserializer().Decode(raw, nil, nil)
	if problem, is := runtime.AsStrictDecodingError(err); is {
		for _, each := range problem.Errors() {
			unknown = append(unknown, each.Error())
		}
	}
	versioned, kind, err := legacyscheme.Codecs.UniversalDeserializer().Decode(raw, nil, nil)
	if err != nil {
		return nil, schema.GroupVersionKind{}, nil, err
	}
	legacyscheme.Scheme.Default(versioned)
	internal, err := legacyscheme.Scheme.ConvertToVersion(versioned, runtime.InternalGroupVersioner)
	if one, is := internal.(*core.Service); is && len(one.Spec.ClusterIPs) == 0 && one.Spec.ClusterIP != "" {
		// The storage of Services fills in the plural of the field before anything is checked.
		one.Spec.ClusterIPs = []string{one.Spec.ClusterIP}
	}
	return internal, *kind, unknown, err
}

func admit(asked question) (any, error) {
	obj, kind, unknown, err := decoded(asked.Object)
	if err != nil {
		return admitted{Undecodable: err.Error()}, nil
	}
	return created(obj, kind, unknown)
}

func created(obj runtime.Object, kind schema.GroupVersionKind, unknown []string) (any, error) {
	access, err := meta.Accessor(obj)
	if err != nil {
		return nil, err
	}
	rest.FillObjectMetaSystemFields(access)
	return stored(obj, kind, unknown, func(ctx context.Context, by strategy) error {
		return rest.BeforeCreate(by, ctx, obj)
	})
}

func replace(asked question) (any, error) {
	before, oldKind, _, err := decoded(asked.Old)
	if err != nil {
		return nil, err
	}
	first, err := created(before, oldKind, nil)
	if refused, is := first.(admitted); err != nil || !is || refused.Causes != nil {
		return nil, errors.New("the object to replace is refused itself")
	}
	obj, kind, unknown, err := decoded(asked.Object)
	if err != nil {
		return admitted{Undecodable: err.Error()}, nil
	}
	// A stored object has a version, which its replacement repeats.
	for _, each := range []runtime.Object{before, obj} {
		access, err := meta.Accessor(each)
		if err != nil {
			return nil, err
		}
		access.SetResourceVersion("1")
	}
	return stored(obj, kind, unknown, func(ctx context.Context, by strategy) error {
		return rest.BeforeUpdate(by, ctx, obj, before)
	})
}

func stored(
	obj runtime.Object, kind schema.GroupVersionKind, unknown []string, before func(context.Context, strategy) error,
) (any, error) {
	said := &heard{}
	ctx := genericapirequest.WithNamespace(warning.WithWarningRecorder(context.Background(), said), "default")
	by, known := strategies[kind.Kind]
	if !known {
		return nil, errors.New("no strategy for " + kind.Kind)
	}
	answer := admitted{Unknown: unknown}
	if err := before(ctx, by); err != nil {
		answer.Causes = causes(err)
		return answer, nil
	}
	answer.Warnings = said.texts
	var err error
	answer.Object, err = runtime.Encode(legacyscheme.Codecs.LegacyCodec(kind.GroupVersion()), obj)
	return answer, err
}

func causes(err error) []cause {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 {
		return []cause{{Message: err.Error()}}
	}
	var found []cause
	for _, each := range status.Status().Details.Causes {
		found = append(found, cause{each.Field, string(each.Type), each.Message})
	}
	return found
}

// patch applies a strategic merge patch to an object, by the type of its kind.
func patch(asked question) (any, error) {
	var kind struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := json.Unmarshal(asked.Object, &kind); err != nil {
		return nil, err
	}
	typed, err := legacyscheme.Scheme.New(schema.FromAPIVersionAndKind(kind.APIVersion, kind.Kind))
	if err != nil {
		return nil, err
	}
	result, err := strategicpatch.StrategicMergePatch(asked.Object, asked.Patch, typed)
	return json.RawMessage(result), err
}
