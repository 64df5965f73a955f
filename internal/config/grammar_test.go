package config

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// each calls f for every key of the grammar, with its full name.
func eachKey(s *shape, name string, f func(*key, string)) {
	if s.item != nil {
		eachKey(s.item, name+"[]", f)
	}
	if s.named != nil {
		eachKey(s.named, name+".NAME", f)
	}
	for i := range s.keys {
		k := &s.keys[i]
		f(k, join(name, k.name))
		eachKey(&k.shape, join(name, k.name), f)
	}
}

// The contract's keys, typed from DESIGN §3 and §7.
func TestGrammarHasTheContract(t *testing.T) {
	have := map[string]bool{}
	g := grammar()
	eachKey(&g, "", func(_ *key, name string) { have[name] = true })
	for name := range strings.FieldsSeq(`version public_url listen listen.public listen.admin tls tls.cert_file tls.key_file tls.acme tls.acme.email
		tls.self_signed tls.behind_proxy tls.hsts client_ip.trusted_proxies client_ip.header store limiter master_key upstreams upstreams.NAME.url upstreams.NAME.openapi
		upstreams.NAME.timeout upstreams.NAME.host upstreams.NAME.paths upstreams.NAME.paths.semicolon upstreams.NAME.paths.encoded_slash upstreams.NAME.cookies
		upstreams.NAME.tls_ca upstreams.NAME.app_session.cookies upstreams.NAME.app_session.login upstreams.NAME.app_session.logout
		session.idle session.absolute session.same_site session.network session.rotate session.max_per_user session.at_max token.access_ttl token.refresh_idle token.refresh_absolute
		token.redeliver token.race login.password login.passkey login.totp login.signup login.oidc[].name login.oidc[].issuer login.oidc[].client_id login.oidc[].client_secret
		login.smtp.url login.smtp.from login.smtp.password clients[].id clients[].redirect_uris clients[].scopes roles routes[].id routes[].match.path routes[].match.methods
		routes[].match.host routes[].boundary routes[].effect routes[].require routes[].fresh routes[].csrf routes[].csrf.exempt routes[].limit.rate routes[].limit.burst
		routes[].limit.per routes[].network routes[].input.max_body routes[].input.types routes[].input.openapi routes[].fields routes[].output.csp routes[].profile
		routes[].upstream limits.network.rate limits.network.burst limits.failures.rate limits.failures.burst environment dbsc csp.learn csp.approved csp.report_sample
		alerts.webhook alerts.secret audit.anchor log.level log.format metrics.token profiles.NAME.limit observe_all.until`) {
		if !have[name] {
			t.Errorf("the grammar lacks %s", name)
		}
	}
}

// Every key is documented, and what its default and example say is valid.
func TestGrammarIsWhole(t *testing.T) {
	g := grammar()
	eachKey(&g, "", func(k *key, name string) {
		if len(k.doc) < 8 || !strings.HasSuffix(k.doc, ".") && !strings.HasSuffix(k.doc, ")") {
			t.Errorf("%s: its meaning is %q", name, k.doc)
		}
		for _, text := range []string{k.def, k.example} {
			if text == "" {
				continue
			}
			r := &report{}
			tree := readTree(r, []byte("x: "+text))
			if tree == nil {
				t.Errorf("%s: %q: %v", name, text, r.err())
				continue
			}
			plain := *k
			plain.later = false
			decoder{r}.shape(&plain, &plain.shape, name, tree.entries[0].value)
			if err := r.err(); err != nil {
				t.Errorf("%s: %q: %v", name, text, err)
			}
		}
	})
}

func TestSchema(t *testing.T) {
	var s map[string]any
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	get := func(path ...string) any {
		var v any = s
		for _, p := range path {
			m, _ := v.(map[string]any)
			v = m[p]
		}
		return v
	}
	for _, row := range []struct {
		want any
		path []string
	}{
		{"https://json-schema.org/draft/2020-12/schema", []string{"$schema"}},
		{false, []string{"additionalProperties"}},
		{"5m", []string{"properties", "token", "properties", "access_ttl", "default"}},
		{true, []string{"properties", "login", "properties", "password", "default"}},
		{float64(0), []string{"properties", "session", "properties", "max_per_user", "default"}},
		{true, []string{"properties", "tls", "properties", "acme", "deprecated"}},
		{"string", []string{"properties", "routes", "items", "properties", "id", "type"}},
		{"https://app.example.com", nil},
	} {
		if row.path == nil {
			examples, _ := get("properties", "public_url", "examples").([]any)
			if len(examples) != 1 || examples[0] != row.want {
				t.Errorf("public_url: %v", examples)
			}
			continue
		}
		if got := get(row.path...); got != row.want {
			t.Errorf("%v: %v, want %v", row.path, got, row.want)
		}
	}
	required, _ := get("properties", "routes", "items", "required").([]any)
	if len(required) != 3 || required[0] != "id" || required[1] != "match" || required[2] != "boundary" {
		t.Errorf("a route requires %v", required)
	}
	g := grammar()
	eachKey(&g, "", func(k *key, name string) {
		if !strings.Contains(string(Schema()), `"`+k.name+`"`) && !isBelowLater(name) {
			t.Errorf("the schema lacks %s", name)
		}
	})
}

func isBelowLater(name string) bool {
	for _, prefix := range []string{"tls.acme", "csp.", "audit.", "login.oidc", "login.smtp"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return strings.Contains(name, "app_session")
}

const docPath = "../../docs/configuration.md"

// The document contains the reference that the grammar makes, and its example is a
// valid file. UPDATE_GOLDEN=1 writes the reference.
func TestDocument(t *testing.T) {
	const begin, end = "<!-- keys: written by internal/config, UPDATE_GOLDEN=1 go test ./internal/config -->\n\n", "<!-- end of keys -->"
	src, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(src), begin)
	keys, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("the document has no place for the keys")
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		must(t, os.WriteFile(docPath, []byte(before+begin+KeyReference()+end+after), 0o644))
	} else if keys != KeyReference() {
		t.Error("the keys in docs/configuration.md are not those of the grammar (UPDATE_GOLDEN=1 go test ./internal/config)")
	}
	examples := 0
	for _, block := range strings.Split(before+after, "```yaml\n")[1:] {
		example, _, _ := strings.Cut(block, "```")
		if !strings.HasPrefix(example, "version: 1") {
			continue
		}
		examples++
		if c, err := parse("docs.yaml", []byte(example), now); err != nil || len(c.Warnings) > 0 {
			t.Errorf("%v %v\n%s", err, c, example)
		}
	}
	if examples != 2 {
		t.Errorf("%d whole examples", examples)
	}
}
