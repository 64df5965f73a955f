package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What stands around an example that shows a part of a file.
var around = []struct{ key, text string }{
	{"version", "version: 1"},
	{"public_url", "public_url: https://app.example.com"},
	{"tls", "tls: { behind_proxy: true }"},
	{"client_ip", `client_ip: { trusted_proxies: ["127.0.0.1/32"] }`},
	{"upstreams", `upstreams: { app: { url: "http://127.0.0.1:8000" } }`},
	{"roles", `roles: { reader: ["notes:read"], writer: ["notes:write"], admin: ["*"] }`},
	{"routes", `routes: [ { id: all, match: { path: "/{rest...}" }, boundary: session } ]`},
}

var (
	block   = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	topKey  = regexp.MustCompile(`(?m)^([a-z_]+):`)
	foreign = map[string]bool{"http": true, "static_resources": true, "repos": true, "scripts": true, "explained": true} // Traefik, Envoy, pre-commit, csp.approved
	weaken  = regexp.MustCompile(`(?m)^(csrf|effect|cross_site|input): `)                                                // of a route, shown one by one
)

// Every example of the documentation is taken, as it stands or as the part that it shows.
func TestExamplesOfThePagesAreTaken(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, file := range append(files, "../../README.md", "../../README.ja.md") {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range block.FindAllSubmatchIndex(page, -1) {
			text := string(page[at[2]:at[3]])
			if belongsElsewhere(text) {
				continue
			}
			taken++
			if _, err := Parse("example", []byte(completed(text))); err != nil {
				t.Errorf("%s:%d: %v\n%s", file, 1+strings.Count(string(page[:at[2]]), "\n"), err, completed(text))
			}
		}
	}
	if taken < 25 {
		t.Errorf("only %d examples were found", taken)
	}
}

func belongsElsewhere(text string) bool {
	for _, m := range topKey.FindAllStringSubmatch(text, -1) {
		if foreign[m[1]] {
			return true
		}
	}
	return strings.HasPrefix(text, "- run:") // a workflow
}

// completed is a whole file with the example in it.
func completed(text string) string {
	switch {
	case weaken.MatchString(text): // the list of weakenings: each is of a route of its own, but for tls
		return eachInARoute(text)
	case strings.HasPrefix(text, "  - {"), strings.HasPrefix(text, "  - id:"):
		text = "routes:\n" + text
	case strings.HasPrefix(text, "    output:"):
		text = "routes:\n  - id: all\n    match: { path: \"/{rest...}\" }\n    boundary: session\n" + text
	}
	text = strings.ReplaceAll(text, "smtp: { … }", `smtp: { url: smtp://mail.example.com, from: no-reply@example.com }`)
	if strings.Contains(text, "public_url: http://localhost") {
		return text
	}
	has := map[string]bool{}
	for _, m := range topKey.FindAllStringSubmatch(text, -1) {
		has[m[1]] = true
	}
	for _, part := range around {
		if !has[part.key] {
			text = part.text + "\n" + text
		}
	}
	return text
}

func eachInARoute(text string) string {
	routes := "routes:\n"
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		name, _, _ := strings.Cut(line, ":")
		if name == "tls" {
			continue
		}
		boundary := "session"
		if name == "cross_site" {
			boundary = "public\n    limit: { rate: 1/m }"
		}
		routes += "  - id: " + strings.ReplaceAll(name, "_", "-") + "\n    match: { path: \"/" + name + "\", methods: [POST] }\n    boundary: " + boundary + "\n    " + line + "\n"
	}
	return completed(routes)
}
