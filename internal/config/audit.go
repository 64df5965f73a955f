package config

import (
	"net/url"
	"strings"
)

// Audit says where checkpoints of the audit trail go besides the store.
type Audit struct {
	Anchor string // absolute path of a file, or a URL; "" nowhere
}

// AnchorIsURL tells a webhook from a file.
func (a Audit) AnchorIsURL() bool { return strings.Contains(a.Anchor, "://") }

// auditKey is the section of the audit trail.
func auditKey() key {
	return key{name: "audit", doc: "The audit trail, see audit.md.", shape: section(
		key{name: "anchor", shape: one(anchor()), example: "/var/log/sanmon/anchor.jsonl",
			doc: "Where signed checkpoints go besides the store: a file that is appended to, or a URL that they are posted to. Without one, a cut tail or a restored older database cannot be found. A URL that answers GET with the newest one is compared when a server starts, as a file is (docs/audit.md). Keep it where who can change the store cannot change it."},
	)}
}

// anchor is a URL or the path of a file.
func anchor() scalar {
	want := "write the path of a file, or an http or https URL"
	return scalar{name: "anchor", want: want, parse: func(s string) (any, error) {
		if s == "" || strings.ContainsAny(s, "\x00\r\n") {
			return nil, wrong{show(s) + " is no anchor", want}
		}
		if !strings.Contains(s, "://") {
			return s, nil
		}
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, wrong{"the URL of the anchor cannot be used", want}
		}
		if u.User != nil {
			return nil, wrong{"a user or password must not be written in clear", "let the address say who may post, or use a file"}
		}
		return s, nil
	}}
}

// audit reads the section.
func (b *builder) audit(f *field) Audit {
	at := f.get("anchor").text()
	if at != "" && !strings.Contains(at, "://") {
		at = b.file(at)
	}
	return Audit{at}
}
