package password

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

var bg = context.Background()

func str(s string) secret.Value { return secret.NewString(s) }

func TestHashAndVerify(t *testing.T) {
	h := New(Options{Share: 1})
	stored, err := h.Hash(bg, str("correct horse battery staple"))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(stored.Expose()); !strings.HasPrefix(s, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash begins with %.40s", s)
	}
	again, _ := h.Hash(bg, str("correct horse battery staple"))
	if again.Equal(stored) {
		t.Error("two hashes have the same salt")
	}
	for _, c := range []struct {
		pw   string
		want bool
	}{
		{"correct horse battery staple", true}, {"correct horse battery stapl", false}, {"Correct horse battery staple", false},
		{"correct horse battery staple ", false}, {"correct horse battery staple\x00", false}, {"", false}, {strings.Repeat("x", 1025), false},
	} {
		if got, err := h.Verify(bg, stored, str(c.pw)); err != nil || got.OK != c.want || got.Upgrade {
			t.Errorf("%.30q: got %+v, %v; want %v", c.pw, got, err, c.want)
		}
	}
}

// The vector of the reference implementation of argon2 (test.c, version 0x13,
// "password", "somesalt", t=2, m=2^16, p=1), which has no pepper and no key.
func TestReferenceVector(t *testing.T) {
	h := New(Options{Share: 1})
	stored := str("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	if got, err := h.Verify(bg, stored, str("password")); err != nil || !got.OK {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestNormalisation(t *testing.T) {
	h := New(Options{Share: 1})
	composed, decomposed := "caf\u00e9 au lait", "cafe\u0301 au lait"
	stored, _ := h.Hash(bg, str(decomposed))
	if got, _ := h.Verify(bg, stored, str(composed)); !got.OK {
		t.Error("the same text in another form is another password")
	}
	if got, _ := h.Verify(bg, stored, str("cafe au lait")); got.OK {
		t.Error("an accent does not count")
	}
}

func TestUpgrade(t *testing.T) {
	h := New(Options{Share: 1})
	for _, c := range []struct {
		p       params
		upgrade bool
	}{
		{standard, false}, {params{19456, 1, 1}, true}, {params{7168, 2, 1}, true}, {params{32768, 3, 2}, false},
	} {
		p := phc{params: c.p, salt: make([]byte, 16)}
		place, _ := h.Reserve(true)
		p.tag, _ = place.compute(bg, p, str("a password"), 32)
		place.Leave()
		got, err := h.Verify(bg, str(p.String()), str("a password"))
		if err != nil || !got.OK || got.Upgrade != c.upgrade {
			t.Errorf("%+v: got %+v, %v", c.p, got, err)
		}
		if got, _ := h.Verify(bg, str(p.String()), str("another")); got.OK || got.Upgrade {
			t.Errorf("%+v: wrong password: %+v", c.p, got)
		}
	}
}

func TestNobodyCostsTheSame(t *testing.T) {
	h := New(Options{Slots: 1, Share: 1})
	got, err := h.Verify(bg, secret.Value{}, str("correct horse battery staple"))
	if got.OK || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if h.dummy.params != standard || len(h.dummy.salt) != 16 || len(h.dummy.tag) != 32 {
		t.Error("the dummy has other parameters than a new hash")
	}
	stored, _ := h.Hash(bg, str("correct horse battery staple"))
	took := func(stored secret.Value) time.Duration {
		best := time.Hour
		for range 7 {
			start := time.Now()
			_, _ = h.Verify(bg, stored, str("wrong password"))
			best = min(best, time.Since(start))
		}
		return best
	}
	known, nobody, broken := took(stored), took(secret.Value{}), took(str("$argon2id$broken"))
	for name, d := range map[string]time.Duration{"nobody": nobody, "broken hash": broken} {
		if d < known/3 || d > known*3 { // coarse: a shared machine; skipping the work would be a factor of 1000
			t.Errorf("%s took %v, a known user %v", name, d, known)
		}
	}
}

const (
	salt = "c29tZXNhbHRzb21lc2FsdA"
	tag  = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in string
		ok bool
	}{
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag, true},
		{"$argon2id$v=19$m=131072,t=10,p=4$" + salt + "$" + tag, true},
		{"", false}, {"argon2id", false}, {strings.Repeat("$", 600), false},
		{"$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + tag, false},
		{"$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + tag, false},
		{"$argon2id$m=19456,t=2,p=1$" + salt + "$" + tag, false},
		{"$argon2id$v=19$t=2,m=19456,p=1$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=19456,t=2$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=19456,t=2,p=1,keyid=x$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=+19456,t=2,p=1$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=019456,t=2,p=1$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=-1,t=2,p=1$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=4294967296,t=2,p=1$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=131073,t=2,p=1$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=19456,t=11,p=1$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=19456,t=2,p=5$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=31,t=2,p=4$" + salt + "$" + tag, false},
		{"$argon2id$v=19$m=19456,t=2,p=1$c29t$" + tag, false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$c29t", false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$", false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "=$" + tag, false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt[:21] + "B$" + tag, false}, // padding bits
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "\n$" + tag, false},
		{"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag + "$", false},
		{"x$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag, false},
		{"pbkdf2_sha256$600000$salt$aGFzaA==", false},
	} {
		got, err := parse(c.in)
		if (err == nil) != c.ok {
			t.Errorf("%q: %v, want ok %v", c.in, err, c.ok)
		}
		if err == nil && got.String() != c.in {
			t.Errorf("%q is written as %q", c.in, got)
		}
		if err != nil && strings.Contains(err.Error(), tag) {
			t.Errorf("the error quotes the hash: %v", err)
		}
	}
}

func TestABrokenHashIsAnErrorAndNoPass(t *testing.T) {
	h := New(Options{Share: 1})
	got, err := h.Verify(bg, str("$argon2id$v=19$m=4000000,t=2,p=1$"+salt+"$"+tag), str("x"))
	if got.OK || err == nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBoundedConcurrency(t *testing.T) {
	h := New(Options{Slots: 1, Share: 1, Queue: 2, Wait: 30 * time.Millisecond})
	hashing := hashes(t, h) // and does not end
	places := make([]*Place, 2)
	for i := range places {
		var err error
		if places[i], err = h.Reserve(false); err != nil {
			t.Fatal(err)
		}
	}
	busy := func(what string, err error, why string) {
		t.Helper()
		r := refusal.From(err)
		if r == nil || r.Code != refusal.Busy || r.RetryAfter <= 0 || !strings.HasPrefix(r.Reason, why+" (") {
			t.Errorf("%s: got %v, want busy with Retry-After: %s", what, err, why)
		}
	}
	_, err := h.Verify(bg, secret.Value{}, str("x"))
	busy("the third of two", err, "too many passwords are waiting to be verified")
	_, err = places[0].Verify(bg, secret.Value{}, str("x"))
	busy("one that waits", err, "no password hasher became free in time")
	owner, err := h.Reserve(true)
	if err != nil {
		t.Fatalf("the queue of strangers is full, and an owner is refused: %v", err)
	}
	for _, p := range append(places, owner, hashing) {
		p.Leave()
	}
	for range 3 {
		if _, err := h.Verify(bg, secret.Value{}, str("x")); err != nil {
			t.Error(err)
		}
	}
}

// hashes returns the place of somebody who is hashing.
func hashes(t *testing.T, h *Hasher) *Place {
	t.Helper()
	p, err := h.Reserve(true)
	if err == nil {
		err = p.enter(bg)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWaitingEndsWithTheRequest(t *testing.T) {
	h := New(Options{Slots: 1, Share: 1, Wait: time.Minute})
	defer hashes(t, h).Leave()
	ctx, cancel := context.WithTimeout(bg, 10*time.Millisecond)
	defer cancel()
	_, err := h.Hash(ctx, str("correct horse battery staple"))
	if refusal.From(err).Code != refusal.Busy || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		pw, rule string // "" is accepted
	}{
		{"correct horse battery staple", ""}, {"correcthorsebatterystaple", ""}, {"Tr0ub4dor&3x", ""}, {"пароль не простой", ""}, {"正しい馬の電池ホチキス", ""},
		{"xkq vmbz", ""}, {"alice likes tea", ""}, {"  spaces count  ", ""}, {strings.Repeat("ab c", 256), "longer"},
		{"", "shorter"}, {"short 7", "shorter"}, {"1234567", "shorter"}, {strings.Repeat("x", 1025), "longer"},
		{"e\u0301e\u0301e\u0301e\u0301", "shorter"}, {"bad\xffutf8 bytes", "UTF-8"}, {"line end here\n", "control"},
		{"password", "tried first"}, {"PassWord1", "tried first"}, {"qwertyuiop", "tried first"}, {"1q2w3e4r", "tried first"}, {"iloveyou", "tried first"},
		{"aaaaaaaaaaaa", "tried first"}, {"abcabcabcabc", "tried first"}, {"12345678", "tried first"}, {"abcdefghij", "tried first"}, {"987654321", "tried first"},
		{"sanmon123", "name"}, {"Sanmon-Sanmon", "name"}, {"alice123456", "name"}, {"alice@example.com", "name"},
	} {
		err := Check(str(c.pw), "Alice@example.com")
		if c.rule == "longer" && len(c.pw) == 1024 {
			c.rule = "" // exactly the longest
		}
		switch {
		case c.rule == "" && err != nil:
			t.Errorf("%.40q: %v", c.pw, err)
		case c.rule != "" && (err == nil || !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), c.rule)):
			t.Errorf("%.40q: got %v, want the rule %q", c.pw, err, c.rule)
		case err != nil && len(c.pw) > 6 && strings.Contains(err.Error(), c.pw) && c.pw != "password":
			t.Errorf("the error quotes the password: %v", err)
		}
	}
}

func TestShort(t *testing.T) {
	if !Short(str("fourteen chars")) || Short(str("fifteen charact")) {
		t.Error("want 15 characters to be the border")
	}
}

func TestCommonIsSortedAndLongEnough(t *testing.T) {
	if !slices.IsSorted(common[:]) {
		t.Error("not sorted")
	}
	for _, w := range common {
		if len(w) < MinLength || w != strings.ToLower(w) {
			t.Errorf("%q is never looked up", w)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + tag)
	f.Add("$argon2id$v=19$m=1,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parse(s)
		if err != nil {
			return
		}
		if p.String() != s {
			t.Errorf("%q is written as %q", s, p)
		}
		if p.memory > 131072 || p.time > 10 || p.threads > 4 || p.time < 1 || p.threads < 1 || len(p.salt) > 64 || len(p.tag) > 64 {
			t.Errorf("%q costs too much", s)
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add("correct horse battery staple", "alice@example.com")
	f.Fuzz(func(t *testing.T, pw, word string) {
		if err := Check(str(pw), word); err == nil && (len(pw) > MaxBytes || len([]rune(pw)) < MinLength) {
			t.Errorf("%q is accepted", pw)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	h := New(Options{Share: 1})
	stored, _ := h.Hash(bg, str("correct horse battery staple"))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = h.Verify(bg, stored, str("correct horse battery staple"))
	}
}

func BenchmarkCheck(b *testing.B) {
	pw := str("correct horse battery staple")
	b.ReportAllocs()
	for b.Loop() {
		_ = Check(pw, "alice@example.com")
	}
}

func Example() {
	pw := secret.NewString("correct horse battery staple")
	if err := Check(pw, "alice@example.com"); err != nil {
		fmt.Println(err)
		return
	}
	h := New(Options{Share: 1})
	stored, _ := h.Hash(context.Background(), pw)
	result, err := h.Verify(context.Background(), stored, pw)
	fmt.Println(stored, result.OK, err)
	// Output: [REDACTED] true <nil>
}
