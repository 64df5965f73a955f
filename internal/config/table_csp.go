package config

// cspKeys are about the strict policy of every route that has one.
func cspKeys() []key {
	return []key{
		{name: "csp", doc: "What the strict content security policy is made of, on routes with `output.csp: observe` or `strict` (docs/csp.md).", shape: section(
			key{name: "learn", def: "false", shape: one(flag()), doc: "Hash the inline scripts of the pages of these routes, so that `sanmon csp propose` can show which of them never change. Nothing that was learned is ever in force by itself."},
			key{name: "approved", shape: one(filePath()), example: "csp-approved.yaml", doc: "File with the inline scripts that a person approved and the reports that a person explained. `sanmon csp approve` writes it; a change of it takes effect like one of this file. It need not exist."},
			key{name: "report_sample", def: "false", shape: one(flag()), doc: "Ask browsers for the first 40 characters of a script that they block. They may hold personal data."},
		)},
	}
}
