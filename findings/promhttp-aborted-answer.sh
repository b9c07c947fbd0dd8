#!/usr/bin/env bash
# Prometheus client for Go: an answer that the handler aborts is in no counter and no histogram.
#
# Expected: promhttp.InstrumentHandlerCounter and InstrumentHandlerDuration count each request, at least as an error.
# Happens: they observe after the handler returns, and an abort is a panic (http.ErrAbortHandler). That is what
#   net/http/httputil.ReverseProxy raises when the backend cuts a body: five cut answers leave both metrics without a series.
# Versions: client_golang 1.23.2, Go 1.24 and later, seen 2026-11-29.
# Matters: a Go gateway's own request metrics have no trace of the answers that a dying pod cut, not even in the total.
# Source: https://pkg.go.dev/net/http#ErrAbortHandler, https://pkg.go.dev/github.com/prometheus/client_golang/prometheus/promhttp
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
start_faulty
mkdir "$tmp/gateway"
cat >"$tmp/gateway/main.go" <<'GO'
package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	backend, _ := url.Parse(os.Args[1])
	count := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total"}, []string{"code"})
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "seconds"}, []string{"code"})
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(count, took)
	proxy := httputil.NewSingleHostReverseProxy(backend)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	handler := promhttp.InstrumentHandlerCounter(count, promhttp.InstrumentHandlerDuration(took, proxy))
	gateway := httptest.NewServer(handler)
	out := map[string]float64{}
	for _, path := range []string{"/cut-chunked", "/whole"} {
		for i := 0; i < 5; i++ {
			answer, err := http.Get(gateway.URL + path)
			if err == nil {
				_, err = io.ReadAll(answer.Body)
			}
			if err != nil {
				out["failed for the client "+path]++
			}
		}
		families, _ := metrics.Gather()
		for _, family := range families {
			for _, m := range family.Metric {
				out[family.GetName()+path] += m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	json.NewEncoder(os.Stdout).Encode(out)
}
GO
gobuild gateway github.com/prometheus/client_golang@v1.23.2
expected "five answers that the backend cuts: requests_total 5"
"$tmp/gateway/gateway" "http://127.0.0.1:$faulty" >"$tmp/out.json" 2>/dev/null
python3 - "$tmp/out.json" <<'PY'
import json, sys
from seen import seen
out = json.load(open(sys.argv[1]))
seen(out.get("failed for the client /cut-chunked") == 5, "the client got five errors")
seen("requests_total/cut-chunked" not in out and "seconds/cut-chunked" not in out, "no series in either metric")
seen(out["requests_total/whole"] == out["seconds/whole"] == 5, "five whole answers later: both say 5 in all")
PY
