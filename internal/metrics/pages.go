package metrics

import "github.com/prometheus/client_golang/prometheus"

// pages counts what is done to pages on their way out.
type pages struct {
	injected *prometheus.CounterVec
	bailouts *prometheus.CounterVec
	actions  *prometheus.CounterVec
	landings *prometheus.CounterVec
}

func newPages() pages {
	return pages{
		injected: counter("sanmon_pages_injected_total", "Pages that got a token or the script that asks for one.", "route"),
		bailouts: counter("sanmon_injection_bailouts_total", "Pages that were passed on unread from some point on, by the reason.", "reason"),
		actions:  counter("sanmon_foreign_formactions_total", "Buttons whose formaction would send the form, and its token, to another origin.", "route"),
		landings: counter("sanmon_cross_site_total", "Requests of other sites that a route admitted because it declares cross_site.", "route"),
	}
}

func (p *pages) all() []prometheus.Collector {
	return []prometheus.Collector{p.injected, p.bailouts, p.actions, p.landings}
}

// Injected counts one page that was given something.
func (m *Metrics) Injected(route string) { m.pages.injected.WithLabelValues(route).Inc() }

// Bailout counts one page that was not read to its end.
func (m *Metrics) Bailout(reason string) { m.pages.bailouts.WithLabelValues(reason).Inc() }

// ForeignActions counts buttons that would send a form of ours elsewhere.
func (m *Metrics) ForeignActions(route string, n int) {
	m.pages.actions.WithLabelValues(route).Add(float64(n))
}

// Landing counts one request of another site that a declared route admitted.
func (m *Metrics) Landing(route string) { m.pages.landings.WithLabelValues(route).Inc() }
