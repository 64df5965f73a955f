// Package metrics counts what the gate does, in the terms of Prometheus. Labels are
// configured names and codes only, never paths, users or keys.
package metrics

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics holds the counters. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	refusals *prometheus.CounterVec
	observed *prometheus.CounterVec
	duration *prometheus.HistogramVec
	framing  *prometheus.CounterVec
	reloads  *prometheus.CounterVec
	disagree *prometheus.CounterVec
	findings *prometheus.CounterVec
	reflects *prometheus.CounterVec
	violated *prometheus.CounterVec

	pages pages
	cache sync.Map // series → counted, so that a warm request hashes no labels
}

type series struct {
	route, method string
	status        int
}

type counted struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

// New returns Metrics with all collectors registered.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		pages:    newPages(),
		requests: counter("sanmon_http_requests_total", "Requests answered.", "route", "method", "code"),
		refusals: counter("sanmon_refusals_total", "Requests refused, by refusal code.", "route", "code", "layer"),
		observed: counter("sanmon_observed_total", "Refusals that were only reported.", "route", "code"),
		framing:  counter("sanmon_framing_refusals_total", "Requests refused below HTTP, by refusal code.", "code"),
		reloads:  counter("sanmon_config_reloads_total", "Configuration files read while running.", "result"),
		disagree: counter("sanmon_rights_disagreements_total", "Requests whose credential grants what the principal may not do, or the reverse.", "route", "side"),
		violated: counter("sanmon_csp_reports_total", "Violations of a content security policy that browsers reported; anybody can send them.", "directive", "disposition"),
		findings: counter("sanmon_content_findings_total", "Bodies of answers that were not what their header said, by what was found.", "route", "finding"),
		reflects: counter("sanmon_reflected_total", "Values of requests that came back in a page, by the place in its markup and what became of them.", "route", "context", "verdict"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sanmon_http_request_duration_seconds", Help: "Time from the request's header to the end of the answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route"}),
	}
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sanmon_build_info", Help: "The version that runs."}, []string{"version"})
	info.WithLabelValues(version).Set(1)
	m.registry.MustRegister(m.pages.all()...)
	m.registry.MustRegister(m.requests, m.refusals, m.observed, m.framing, m.reloads, m.disagree, m.findings, m.reflects, m.violated, m.duration, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// Gauge exposes a number that is read when it is asked for.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Counter exposes a count that is read when it is asked for, with one constant label.
func (m *Metrics) Counter(name, help, label, value string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{label: value}}, read))
}

// Request counts one answer. route is the configured id, "portal" or "none".
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	key := series{route, known(method), status}
	c, ok := m.cache.Load(key)
	if !ok {
		c, _ = m.cache.LoadOrStore(key, &counted{
			m.requests.WithLabelValues(key.route, key.method, strconv.Itoa(status)),
			m.duration.WithLabelValues(key.route),
		})
	}
	one := c.(*counted)
	one.requests.Inc()
	one.duration.Observe(took.Seconds())
}

// known keeps the label's set of values small.
func known(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return method
	}
	return "_OTHER"
}

// Refused counts one refusal.
func (m *Metrics) Refused(route, code, layer string) {
	m.refusals.WithLabelValues(route, code, layer).Inc()
}

// Observed counts one refusal that was only reported.
func (m *Metrics) Observed(route, code string) { m.observed.WithLabelValues(route, code).Inc() }

// Framing counts one request that was refused below HTTP.
func (m *Metrics) Framing(code string) { m.framing.WithLabelValues(code).Inc() }

// Reload counts one attempt to read the configuration; result is "ok" or "refused".
func (m *Metrics) Reload(result string) { m.reloads.WithLabelValues(result).Inc() }

// Disagreement counts a request on which credential and principal differ; side says
// which of them would have allowed it.
func (m *Metrics) Disagreement(route, side string) { m.disagree.WithLabelValues(route, side).Inc() }

// Violation counts one report of a browser. directive is a known name or "other";
// disposition is "enforce", "report" or "", where the browser does not say.
func (m *Metrics) Violation(directive, disposition string) {
	if disposition == "" {
		disposition = "unknown"
	}
	m.violated.WithLabelValues(directive, disposition).Inc()
}

// Found counts one finding about the body of an answer.
func (m *Metrics) Found(route, finding string) { m.findings.WithLabelValues(route, finding).Inc() }

// Reflected counts one value that came back in a page.
func (m *Metrics) Reflected(route, context, verdict string) {
	m.reflects.WithLabelValues(route, context, verdict).Inc()
}

// Handler serves the text form.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
