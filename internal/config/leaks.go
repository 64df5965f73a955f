package config

import (
	"net/url"
	"strings"
)

// Leaks says who may report credentials that were found in public places, beside
// everybody who holds one.
type Leaks struct{ GitHub GitHub }

// GitHub is the receiver of GitHub's secret scanning.
type GitHub struct {
	On    bool
	Keys  string // URL of the public keys that messages are signed with
	Token string // reference of a token to ask for them with, "" none
}

// leaksKey is the section of leak reports.
func leaksKey() key {
	return key{name: "leaks", doc: "Reports about credentials that were found in public places, see leaks.md. Whoever holds a key can always revoke it at `/.sanmon/revoke-key`.", shape: section(
		key{name: "github", doc: "The receiver of GitHub's secret scanning at `/.sanmon/secret-scanning/github`.", shape: section(
			key{name: "receive", def: "false", shape: one(flag()), doc: "Take its messages: what they report and was issued here is revoked. GitHub sends them only to who is enrolled in its partner programme."},
			key{name: "keys", def: "https://api.github.com/meta/public_keys/secret_scanning", shape: one(keyList()), doc: "Where the public keys are that its messages are signed with."},
			key{name: "token", secret: true, shape: one(secretRef()), doc: "Reference of a token of GitHub without any rights, to ask for the public keys more often than strangers may."},
		)},
	)}
}

// keyList is a URL that keys may be fetched from: who can change what comes from there can
// forge messages.
func keyList() scalar {
	want := "write an https URL; http is for localhost, 127.0.0.1 and [::1] only"
	return scalar{name: "URL", want: want, parse: func(s string) (any, error) {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.ContainsAny(s, " \r\n\x00") {
			return nil, wrong{"the URL of the keys cannot be used", want}
		}
		if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return nil, wrong{show(s) + " is not encrypted on the way", want}
		}
		return s, nil
	}}
}

// leaks reads the section.
func (b *builder) leaks(f *field) Leaks {
	g := f.get("github")
	return Leaks{GitHub{g.get("receive").bool(), g.get("keys").text(), b.reference(g.get("token"))}}
}
