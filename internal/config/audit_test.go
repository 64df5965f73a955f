package config

import (
	"path/filepath"
	"testing"
)

func TestAuditAnchor(t *testing.T) {
	for _, c := range []struct {
		text, want string
		url        bool
	}{
		{"", "", false},
		{"audit: {}\n", "", false},
		{"audit: { anchor: log/anchor.jsonl }\n", "log/anchor.jsonl", false},
		{"audit: { anchor: /var/log/a }\n", "/var/log/a", false},
		{"audit: { anchor: \"https://anchor.internal/put?x=1\" }\n", "https://anchor.internal/put?x=1", true},
	} {
		got, err := parse("f", []byte(minimal+c.text), now)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if c.want != "" && !c.url {
			c.want = filepath.Clean(c.want)
		}
		if got.Audit.Anchor != c.want || got.Audit.AnchorIsURL() != c.url {
			t.Errorf("%s: %+v", c.text, got.Audit)
		}
	}
	checkRefused(t, []refused{
		{8, "audit: { anchor: \"ftp://a/b\" }", `8:18: audit.anchor: the URL of the anchor cannot be used (write the path of a file, or an http or https URL)`},
		{8, "audit: { anchor: \"https://u:p@a/b\" }", `8:18: audit.anchor: a user or password must not be written in clear (let the address say who may post, or use a file)`},
	})
}
