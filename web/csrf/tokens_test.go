package csrf

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

const origin = "https://app.example.com"

var (
	noon  = time.Unix(1_795_608_000, 0)
	ann   = []byte("binding of ann")
	bob   = []byte("binding of bob")
	notes = "POST /notes"
)

func key(version int, fill byte) secret.Key {
	return secret.Key{Version: version, Value: secret.New(bytes.Repeat([]byte{fill}, 32))}
}

func newTokens(keys ...secret.Key) *Tokens {
	if len(keys) == 0 {
		keys = []secret.Key{key(1, 1)}
	}
	return &Tokens{Ring: secret.NewRing(secret.PurposeCSRF, keys...), Origin: origin, Spent: &MemorySpent{}}
}

func code(err error) refusal.Code {
	if err == nil {
		return ""
	}
	return refusal.From(err).Code
}

func TestVerify(t *testing.T) {
	tok := newTokens()
	other := newTokens()
	other.Origin = "https://other.example"
	stranger := newTokens(key(1, 2))
	session, page, once := tok.Issue(Session, ann, "", noon), tok.Issue(Page, ann, notes, noon), tok.Issue(Once, ann, notes, noon)
	one := func(b []byte) [][]byte { return [][]byte{b} }
	for _, c := range []struct {
		name     string
		token    string
		kind     Kind
		bindings [][]byte
		scope    string
		after    time.Duration
		want     refusal.Code
	}{
		{"session", session, Session, one(ann), "", 0, ""},
		{"session, later", session, Session, one(ann), "", 1000 * time.Hour, ""},
		{"page", page, Page, one(ann), notes, 0, ""},
		{"once", once, Once, one(ann), notes, 0, ""},
		{"second binding", session, Session, [][]byte{bob, ann}, "", 0, ""},
		{"none", "", Session, one(ann), "", 0, refusal.CSRFMissing},
		{"none for a page", "", Page, one(ann), notes, 0, refusal.CSRFMissing},
		{"other binding", session, Session, one(bob), "", 0, refusal.CSRFInvalid},
		{"no binding", session, Session, nil, "", 0, refusal.CSRFInvalid},
		{"empty binding", tok.Issue(Session, nil, "", noon), Session, [][]byte{nil, {}}, "", 0, refusal.CSRFInvalid},
		{"session for page", session, Page, one(ann), notes, 0, refusal.CSRFInvalid},
		{"session for once", session, Once, one(ann), notes, 0, refusal.CSRFInvalid},
		{"page for session", page, Session, one(ann), "", 0, refusal.CSRFInvalid},
		{"page for once", page, Once, one(ann), notes, 0, refusal.CSRFInvalid},
		{"once for page", once, Page, one(ann), notes, 0, refusal.CSRFInvalid},
		{"relabelled", "p" + session[1:], Page, one(ann), "", 0, refusal.CSRFInvalid},
		{"other path", page, Page, one(ann), "POST /notes/1", 0, refusal.CSRFInvalid},
		{"other method", page, Page, one(ann), "PUT /notes", 0, refusal.CSRFInvalid},
		{"other origin", other.Issue(Session, ann, "", noon), Session, one(ann), "", 0, refusal.CSRFInvalid},
		{"other key", stranger.Issue(Session, ann, "", noon), Session, one(ann), "", 0, refusal.CSRFInvalid},
		{"unknown key", strings.Replace(session, "s1.", "s2.", 1), Session, one(ann), "", 0, refusal.CSRFInvalid},
		{"parts moved", tok.Issue(Page, []byte("ab"), "c", noon), Page, one([]byte("a")), "bc", 0, refusal.CSRFInvalid},
		{"once, just in time", once, Once, one(ann), notes, time.Hour - time.Second, ""},
		{"once, too late", once, Once, one(ann), notes, time.Hour, refusal.CSRFInvalid},
		{"once, clock behind", once, Once, one(ann), notes, -time.Minute, ""},
		{"once, from the future", once, Once, one(ann), notes, -time.Minute - time.Second, refusal.CSRFInvalid},
		{"no kind", tok.Issue(0, ann, "", noon), 0, one(ann), "", 0, refusal.CSRFInvalid},
	} {
		p, err := tok.Verify(c.token, c.kind, c.bindings, c.scope, noon.Add(c.after))
		if code(err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if err == nil && p.Kind() != c.kind || err != nil && p != (Proof{}) {
			t.Errorf("%s: proof %+v", c.name, p)
		}
		if err != nil && c.token != "" && strings.Contains(err.Error(), c.token[3:]) {
			t.Errorf("%s: the reason shows the token", c.name)
		}
	}
}

// TestFormat computes a token as docs and format.go describe it, with other code.
func TestFormat(t *testing.T) {
	token := newTokens().Issue(Once, ann, notes, noon)
	if !regexp.MustCompile(`^o1\.[A-Za-z0-9_.]{72}$`).MatchString(token) {
		t.Fatalf("token %q", token)
	}
	raw, err := base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._").WithPadding(base64.NoPadding).DecodeString(token[3:])
	if err != nil || len(raw) != 54 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	mac := hmac.New(sha256.New, bytes.Repeat([]byte{1}, 32))
	part := func(b []byte) {
		_ = binary.Write(mac, binary.BigEndian, uint32(len(b)))
		mac.Write(b)
	}
	mac.Write([]byte("sanmon/csrf/v1\x00o"))
	part([]byte("https://app.example.com"))
	part(ann)
	part([]byte("POST /notes"))
	mac.Write(raw[:22])
	want := mac.Sum(nil)[:16]
	for i := range want {
		if raw[22+i]^raw[38+i] != want[i] {
			t.Fatalf("byte %d of the MAC differs", i)
		}
	}
	if got := binary.BigEndian.Uint64(append([]byte{0, 0}, raw[16:22]...)); got != 1_795_608_000 {
		t.Errorf("issued at %d", got)
	}
}

// TestEveryChangeIsRefused flips every character of a token to every other of its alphabet.
func TestEveryChangeIsRefused(t *testing.T) {
	tok := newTokens(key(1, 1), key(2, 2))
	for kind, scope := range map[Kind]string{Session: "", Page: notes, Once: notes} {
		token := tok.Issue(kind, ann, scope, noon)
		for i := range token {
			for _, c := range alphabet + "-=+/ \n\r\x00" {
				changed := token[:i] + string(c) + token[i+1:]
				if changed == token {
					continue
				}
				if _, err := tok.Verify(changed, kind, [][]byte{ann}, scope, noon); code(err) != refusal.CSRFInvalid {
					t.Fatalf("%s for %s: %v", changed, token, err)
				}
			}
			for _, changed := range []string{token[:i], token[:i] + token[i+1:], token[:i] + "\n" + token[i:], token[:i] + "0" + token[i:]} {
				if _, err := tok.Verify(changed, kind, [][]byte{ann}, scope, noon); err == nil {
					t.Fatalf("%q passes for %q", changed, token)
				}
			}
		}
	}
}

func TestMaskChanges(t *testing.T) {
	tok := newTokens()
	seen := map[string]bool{}
	for range 1000 {
		token := tok.Issue(Session, ann, "", noon)
		if seen[token] || len(token) != 46 {
			t.Fatalf("token %q of %d characters", token, len(token))
		}
		seen[token] = true
	}
}

func TestKeyRotation(t *testing.T) {
	old := newTokens(key(1, 1)).Issue(Session, ann, "", noon)
	both := newTokens(key(1, 1), key(2, 2))
	fresh := both.Issue(Session, ann, "", noon)
	if !strings.HasPrefix(fresh, "s2.") {
		t.Errorf("issued %q with an old key", fresh)
	}
	for name, c := range map[string]struct {
		tokens *Tokens
		token  string
		want   refusal.Code
	}{
		"old key in the ring":   {both, old, ""},
		"new key":               {both, fresh, ""},
		"old key retired":       {newTokens(key(2, 2)), old, refusal.CSRFInvalid},
		"same version, new key": {newTokens(key(1, 9)), old, refusal.CSRFInvalid},
	} {
		for range 2 { // the second time from the pool
			if _, err := c.tokens.Verify(c.token, Session, [][]byte{ann}, "", noon); code(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestSameVersionAnotherKey: what is pooled for a key is not used for its successor of the
// same version.
func TestSameVersionAnotherKey(t *testing.T) {
	tok := newTokens(key(1, 1))
	before := tok.Issue(Session, ann, "", noon)
	tok.Ring = secret.NewRing(secret.PurposeCSRF, key(1, 9))
	if _, err := tok.Verify(before, Session, [][]byte{ann}, "", noon); code(err) != refusal.CSRFInvalid {
		t.Errorf("a token of the replaced key: %v", err)
	}
}

func TestKeyNumber(t *testing.T) {
	body := "." + strings.Repeat("A", 43)
	for number, want := range map[string]bool{
		"1": true, "2147483647": true, "2147483648": false, "9999999999": false, "10000000000": false, "0": false, "01": false, "": false, "-1": false, "+1": false, "1a": false,
	} {
		if _, ok := parse("s" + number + body); ok != want {
			t.Errorf("key %q: %v", number, ok)
		}
	}
}

// TestReload changes the ring under one Tokens.
func TestReload(t *testing.T) {
	store := &keyStore{}
	master, err := secret.NewMaster(secret.New(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := secret.LoadRing(context.Background(), store, master, secret.PurposeCSRF, nil)
	if err != nil {
		t.Fatal(err)
	}
	tok := &Tokens{Ring: ring, Origin: origin}
	before := tok.Issue(Session, ann, "", noon)
	if err := secret.Rotate(context.Background(), store, master, secret.PurposeCSRF, 2, nil); err != nil {
		t.Fatal(err)
	}
	if err := ring.Load(context.Background(), store, master); err != nil {
		t.Fatal(err)
	}
	after := tok.Issue(Session, ann, "", noon)
	for _, token := range []string{before, after} {
		if _, err := tok.Verify(token, Session, [][]byte{ann}, "", noon); err != nil {
			t.Errorf("%s: %v", token, err)
		}
	}
	if n := len(*tok.macs.pools.Load()); n != 2 {
		t.Errorf("%d pools for 2 keys", n)
	}
}

type keyStore struct{ keys []secret.SealedKey }

func (s *keyStore) ServerKeys(context.Context, string) ([]secret.SealedKey, error) {
	return s.keys, nil
}

func (s *keyStore) AddServerKey(_ context.Context, k secret.SealedKey) error {
	s.keys = append(s.keys, k)
	return nil
}

func TestRoundTrip(t *testing.T) {
	tok := newTokens(key(1, 1), key(2147483647, 2))
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]Kind{Session, Page, Once}).Draw(t, "kind")
		binding := rapid.SliceOfN(rapid.Byte(), 1, 80).Draw(t, "binding")
		scope := rapid.String().Draw(t, "scope")
		at := time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "at"), 0)
		token := tok.Issue(kind, binding, scope, at)
		if len(token) > MaxLength || !regexp.MustCompile(`^[A-Za-z0-9_.]+$`).MatchString(token) {
			t.Fatalf("token %q", token)
		}
		if _, err := tok.Verify(token, kind, [][]byte{binding}, scope, at); err != nil {
			t.Fatal(err)
		}
		if _, err := tok.Verify(token, kind, [][]byte{append(binding, 0)}, scope, at); err == nil {
			t.Fatal("another binding passes")
		}
	})
}

func FuzzParse(f *testing.F) {
	tok := newTokens()
	for kind := Session; kind <= Once; kind++ {
		f.Add(tok.Issue(kind, ann, notes, noon))
	}
	f.Add("s01." + strings.Repeat("A", 43))
	f.Add("s2147483648." + strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, token string) {
		w, ok := parse(token)
		if !ok {
			return
		}
		if again := string(w.append(nil)); again != token {
			t.Fatalf("%q and %q are one token", token, again)
		}
	})
}

func TestRedeem(t *testing.T) {
	ctx := context.Background()
	tok := newTokens()
	prove := func(kind Kind, scope string) Proof {
		p, err := tok.Verify(tok.Issue(kind, ann, scope, noon), kind, [][]byte{ann}, scope, noon)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	once, session := prove(Once, notes), prove(Session, "")
	for _, c := range []struct {
		name  string
		proof Proof
		want  refusal.Code
	}{
		{"first", once, ""}, {"second", once, refusal.CSRFSpent}, {"another token", prove(Once, notes), ""},
		{"session", session, ""}, {"session again", session, ""}, {"no proof", Proof{}, refusal.CSRFInvalid},
	} {
		if err := tok.Redeem(ctx, c.proof); code(err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	tok.Spent = broken{}
	if err := tok.Redeem(ctx, prove(Once, notes)); code(err) != refusal.Busy {
		t.Errorf("broken store: %v", err)
	}
	tok.Spent = nil
	if err := tok.Redeem(ctx, prove(Once, notes)); code(err) != refusal.Internal {
		t.Errorf("no store: %v", err)
	}
}

type broken struct{}

func (broken) Spend(context.Context, [16]byte, time.Time, time.Time) (bool, error) {
	return true, errors.New("disk is full")
}

func TestMemorySpent(t *testing.T) {
	ctx := context.Background()
	m := &MemorySpent{Max: 2}
	for _, c := range []struct {
		name       string
		id         byte
		now, until int64
		first, err bool
	}{
		{"first", 1, 0, 10, true, false},
		{"again", 1, 1, 10, false, false},
		{"second", 2, 2, 5, true, false},
		{"full", 3, 3, 10, false, true},
		{"again while full", 1, 4, 10, false, false},
		{"one is over", 3, 5, 10, true, false},
		{"full again", 4, 9, 20, false, true},
		{"all are over", 4, 10, 20, true, false},
	} {
		first, err := m.Spend(ctx, [16]byte{c.id}, time.Unix(c.now, 0), time.Unix(c.until, 0))
		if first != c.first || (err != nil) != c.err {
			t.Errorf("%s: %v, %v", c.name, first, err)
		}
	}
	if len(m.used) != 1 || len(m.ends) != 1 {
		t.Errorf("holds %d and %d, want 1", len(m.used), len(m.ends))
	}
}

func TestMemorySpentConcurrently(t *testing.T) {
	m := &MemorySpent{}
	var firsts sync.Map
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for id := range byte(200) {
				if first, err := m.Spend(context.Background(), [16]byte{id}, noon, noon.Add(time.Hour)); err != nil {
					t.Error(err)
				} else if first {
					if _, twice := firsts.LoadOrStore(id, true); twice {
						t.Errorf("%d was first twice", id)
					}
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkIssue(b *testing.B) {
	tok := newTokens()
	b.ReportAllocs()
	for b.Loop() {
		tok.Issue(Session, ann, "", noon)
	}
}

func BenchmarkVerify(b *testing.B) {
	tok := newTokens()
	bindings := [][]byte{ann}
	for kind, scope := range map[Kind]string{Session: "", Page: notes, Once: notes} {
		token := tok.Issue(kind, ann, scope, noon)
		b.Run(kind.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tok.Verify(token, kind, bindings, scope, noon); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
