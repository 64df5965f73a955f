package scan

import "net/url"

// SARIF gives the findings as a log of SARIF 2.1.0 (OASIS), ready for encoding/json.
func (r *Report) SARIF(version string) any {
	type m = map[string]any
	var rules, results []m
	index := map[string]int{}
	for i, rule := range Rules() {
		index[rule.ID] = i
		rules = append(rules, m{"id": rule.ID, "name": rule.Title, "shortDescription": m{"text": rule.Title}, "help": m{"text": rule.Remedy}})
	}
	results = []m{}
	for _, f := range r.Findings {
		level := "error"
		if f.Severity == "medium" || f.Severity == "low" {
			level = "warning"
		}
		results = append(results, m{
			"ruleId": f.Rule, "ruleIndex": index[f.Rule], "level": level, "message": m{"text": f.Why + " (" + f.Remedy + ")"},
			"partialFingerprints": m{"sanmon/v1": f.Fingerprint},
			"locations": []m{{"physicalLocation": m{
				"artifactLocation": m{"uri": (&url.URL{Path: f.File}).String()}, "region": m{"startLine": f.Line, "startColumn": f.Column},
			}}},
		})
	}
	return m{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []m{{"tool": m{"driver": m{"name": "sanmon", "version": version, "rules": rules}}, "results": results}},
	}
}
