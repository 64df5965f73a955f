package config

// wafKey is input.waf: the mode alone, or with what goes beyond it.
func wafKey() key {
	mode := enum("mode", "off", "observe", "enforce")
	return key{name: "waf", def: "off", example: `{ mode: enforce, paranoia: 1, exclude: ["ARGS:body"] }`,
		doc: "Let the web application firewall look at requests (Coraza with the OWASP Core Rule Set): `observe` reports what its rules match, `enforce` refuses it (`input_invalid`), and a body of more than 128 KiB with it. It costs a millisecond or more for each request, and needs the binary of `make waf`. See docs/waf.md.",
		shape: oneOr(mode,
			key{name: "mode", required: true, shape: one(mode), example: "observe", doc: "Whether to look, and what to do then."},
			key{name: "paranoia", def: "1", shape: one(whole(1, 4)), doc: "Level of the rules. Each finds more, and mistakes more for attacks."},
			key{name: "exclude", shape: many(exclusion()), example: `["ARGS:body", "941100-941999 ARGS:items.*.text"]`, doc: "Fields that the rules, or a range of them, do not look at."},
		)}
}

func exclusion() scalar {
	return plain("exclusion", `^(?:9[0-9]{5}(?:-9[0-9]{5})? )?(?:ARGS|ARGS_NAMES|REQUEST_COOKIES|REQUEST_HEADERS):(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*$`, "write ARGS:name, or 941100-941999 ARGS:name for some rules")
}

// wafOf reads input.waf in either form.
func wafOf(f *field) WAF {
	mode, w := f.text(), WAF{Paranoia: 1}
	if f.form == mapping {
		mode, w.Paranoia, w.Exclude = f.get("mode").text(), f.get("paranoia").number(), f.get("exclude").texts()
	}
	if mode == "" || mode == "off" {
		return WAF{}
	}
	w.Mode = Mode(mode)
	return w
}
