package storagetest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// everybody is an owner of keys who may do anything.
type everybody struct{}

func (everybody) Owner(context.Context, string) (apikey.Owner, error) {
	return apikey.Owner{Rights: &caller.Rights{Roles: []string{"admin"}}}, nil
}

// keyPlanted: who can write the database and has no pepper can neither plant a key nor
// change what one may do.
func keyPlanted(t *testing.T, open Open) {
	db, outside := open(t)
	ring := secret.NewRing(secret.PurposePepper, secret.Key{Version: 1, Value: secret.NewString(secret.Random62(32))}, secret.Key{Version: 2, Value: secret.NewString(secret.Random62(32))})
	service := &apikey.Service{Store: db, Peppers: ring}
	now := time.Now()
	here := netip.MustParseAddr("203.0.113.9")
	judge := func(key string) string {
		t.Helper()
		x, err := apikey.NewIndex(db, apikey.Options{Env: apikey.Live, Peppers: ring, Owners: everybody{}})
		ok(t, err, x.Load(t.Context()))
		var c caller.Caller
		if err := x.Judge(t.Context(), key, here, now.Add(time.Minute), &c); err != nil {
			return string(refusal.From(err).Code)
		}
		return "admitted"
	}
	issue := func(canary bool) (apikey.Record, string) {
		t.Helper()
		r, key, err := service.Create(t.Context(), apikey.Spec{Owner: "usr_1", Env: apikey.Live, Roles: []string{"reader"}, Scopes: []string{"notes:read"},
			Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, Limit: "10/m", Lifetime: time.Hour, Canary: canary, Note: "for a test"}, "cli", now)
		ok(t, err)
		return r, string(key.Expose())
	}
	other, otherKey := issue(false)
	for _, c := range []struct{ what, set, want string }{
		{"as it was made", "", "admitted"},
		{"roles", `roles = '["admin"]'`, "key_invalid"},
		{"more roles", `roles = '["reader","writer"]'`, "key_invalid"},
		{"a role that looks like two", `roles = '["reader\u0000writer"]'`, "key_invalid"},
		{"scopes", `scopes = '["*"]'`, "key_invalid"},
		{"role and scope changed places", `roles = '["notes:read"]', scopes = '["reader"]'`, "key_invalid"},
		{"any network", `networks = '[]'`, "key_invalid"},
		{"a wider network", `networks = '["203.0.0.0/16"]'`, "key_invalid"},
		{"the limit", `rate = ''`, "key_invalid"},
		{"the owner", `owner = 'usr_2'`, "key_invalid"},
		{"the environment", `env = 'test'`, "key_invalid"},
		{"a longer life", fmt.Sprintf(`expires_at = %d`, now.Add(48*time.Hour).UnixMicro()), "key_invalid"},
		{"for ever", `expires_at = 0`, "key_invalid"},
		{"a longer life that was meant", fmt.Sprintf(`expires_at = %d, until = %[1]d`, now.Add(48*time.Hour).UnixMicro()), "key_invalid"},
		{"for ever, and meant", `expires_at = 0, until = 0`, "key_invalid"},
		{"as from before terms were bound", `bound = 0`, "key_invalid"},
		{"and with other roles", `bound = 0, roles = '["admin"]'`, "key_invalid"},
		{"another pepper", `pepper = 1`, "key_invalid"},
		{"the MAC of another key", `mac = (SELECT mac FROM api_key WHERE id = '` + other.ID + `')`, "key_invalid"},
		{"a canary", `kind = 1`, "key_invalid"},
		{"made elsewhere", `kind = 2`, "key_invalid"},
		{"a shorter life, which the store may give", fmt.Sprintf(`expires_at = %d`, now.Add(30*time.Minute).UnixMicro()), "admitted"},
		{"words for people", `note = 'x', last_used_network = 'y'`, "admitted"},
	} {
		r, key := issue(false)
		if c.set != "" {
			ok(t, outside(`UPDATE api_key SET `+c.set+` WHERE id = '`+r.ID+`'`))
		}
		if got := judge(key); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	r, key := issue(true)
	ok(t, outside(`UPDATE api_key SET kind = 0 WHERE id = '`+r.ID+`'`))
	if got := judge(key); got != "key_invalid" {
		t.Errorf("a canary that was made a key: %s", got)
	}
	planted(t, outside, other.ID, judge)
	if got := judge(otherKey); got != "admitted" {
		t.Errorf("the key beside all this: %s", got)
	}
}

// planted inserts a row for a key that the attacker made, with every hash that can be had
// without the pepper.
func planted(t *testing.T, outside func(string) error, model string, judge func(string) string) {
	t.Helper()
	id, key, err := apikey.Generate(apikey.Live)
	ok(t, err)
	row := `INSERT INTO api_key (id, owner, env, roles, scopes, networks, rate, pepper, mac, created_at, expires_at, revoked_at, replaces, last_used_at, last_used_network, until, bound, kind, note)
		SELECT '` + id.String() + `', owner, env, '["admin"]', scopes, networks, rate, pepper, mac, created_at, expires_at, revoked_at, replaces, last_used_at, last_used_network, until, %d, kind, note
		FROM api_key WHERE id = '` + model + `'`
	for bound := range 2 {
		ok(t, outside(fmt.Sprintf(row, bound)))
		if got := judge(string(key.Expose())); got != "key_invalid" {
			t.Errorf("a planted row with a copied MAC (bound %d): %s", bound, got)
		}
		for what, sum := range map[string][32]byte{"SHA-256 of the key": sha256.Sum256(key.Expose()), "SHA-256 with the label": sha256.Sum256(append([]byte("sanmon/key/v1\x00"), key.Expose()...)), "zeros": {}} {
			for _, literal := range []string{fmt.Sprintf("x'%x'", sum), fmt.Sprintf(`'\x%x'`, sum)} { // SQLite, PostgreSQL
				if err := outside(`UPDATE api_key SET mac = ` + literal + ` WHERE id = '` + id.String() + `'`); err != nil {
					continue
				}
				if got := judge(string(key.Expose())); got != "key_invalid" {
					t.Errorf("a planted row with %s: %s", what, got)
				}
			}
		}
		ok(t, outside(`DELETE FROM api_key WHERE id = '`+id.String()+`'`))
	}
	if strings.Contains(row, string(key.Expose())) {
		t.Error("the attacker's row has the key")
	}
}
