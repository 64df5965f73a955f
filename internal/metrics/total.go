package metrics

import "github.com/prometheus/client_golang/prometheus"

// Total exposes a count, under one value of one label, that is read when it is asked for.
func (m *Metrics) Total(name, help, label, value string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{label: value}}, read))
}
