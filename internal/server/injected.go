package server

// injected counts what became of a page.
func (a *Accountant) injected(route string, rec *Record) {
	report, ok := rec.Passage.Injection()
	if !ok {
		return
	}
	if report.Head || report.Forms > 0 {
		a.Metrics.Injected(route)
	}
	if report.Foreign > 0 {
		a.Metrics.ForeignActions(route, report.Foreign)
	}
	if report.Reason != "" {
		a.Metrics.Bailout(string(report.Reason))
	}
}
