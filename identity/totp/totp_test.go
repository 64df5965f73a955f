package totp

import (
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/secret"
)

// rfc is the secret of the vectors: "12345678901234567890" in ASCII.
func rfc() secret.Value { return secret.NewString("12345678901234567890") }

// TestVectors: RFC 6238, Appendix B, the rows of SHA-1 (eight digits).
func TestVectors(t *testing.T) {
	for at, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		if got := truncated(rfc(), Step(time.Unix(at, 0)), 8); got != want {
			t.Errorf("%d: %s, want %s", at, got, want)
		}
	}
}

// TestHOTPVectors: RFC 4226, Appendix D.
func TestHOTPVectors(t *testing.T) {
	for i, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := Code(rfc(), int64(i)); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
}

func TestVerify(t *testing.T) {
	now := time.Unix(100*30+10, 0) // in step 100
	code := func(step int64) string { return Code(rfc(), step) }
	for _, c := range []struct {
		what, code string
		last, step int64
		ok         bool
	}{
		{"its own step", code(100), 0, 100, true}, {"one late", code(99), 0, 99, true}, {"one early", code(101), 0, 101, true},
		{"two late", code(98), 0, 0, false}, {"two early", code(102), 0, 0, false},
		{"used", code(100), 100, 0, false}, {"older than the last", code(99), 100, 0, false}, {"newer than the last", code(101), 100, 101, true},
		{"blanks", code(100)[:3] + " " + code(100)[3:], 0, 100, true}, {"full width", fullWidth(code(100)), 0, 100, true},
		{"empty", "", 0, 0, false}, {"five digits", code(100)[:5], 0, 0, false}, {"seven digits", code(100) + "0", 0, 0, false}, {"a sign", "+" + code(100)[1:], 0, 0, false},
		{"letters", "abcdef", 0, 0, false}, {"NUL", code(100) + "\x00", 0, 0, false}, {"long", strings.Repeat(" ", 30) + code(100), 0, 0, false},
	} {
		if step, ok := Verify(rfc(), c.code, now, c.last); step != c.step || ok != c.ok {
			t.Errorf("%s: %d, %v; want %d, %v", c.what, step, ok, c.step, c.ok)
		}
	}
	if _, ok := Verify(secret.Value{}, Code(secret.Value{}, 100), now, 0); ok {
		t.Error("an empty secret has codes")
	}
}

func fullWidth(s string) string {
	return strings.Map(func(r rune) rune { return r - '0' + '０' }, s)
}

// A code is taken once, whatever the order of tries.
func TestOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		key, last, taken := NewSecret(), int64(0), map[int64]bool{}
		for range 20 {
			at := rapid.Int64Range(1000, 1010).Draw(rt, "now")
			step := rapid.Int64Range(998, 1012).Draw(rt, "step")
			if got, ok := Verify(key, Code(key, step), time.Unix(at*30, 0), last); ok {
				if taken[got] {
					rt.Fatalf("step %d twice", got)
				}
				last, taken[got] = got, true
			}
		}
	})
}

func TestURI(t *testing.T) {
	u, err := url.Parse(string(URI("app.example.com:8443", "a:b@example.com", rfc()).Expose()))
	if err != nil {
		t.Fatal(err)
	}
	// 12345678901234567890 in base32, by base32(1).
	const text = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/app.example.com 8443:a b@example.com" || u.Query().Get("secret") != text || u.Query().Get("issuer") != "app.example.com 8443" {
		t.Errorf("%s", u)
	}
	if got := strings.ReplaceAll(Text(rfc()), " ", ""); got != text || Text(rfc())[4] != ' ' {
		t.Errorf("text %q", Text(rfc()))
	}
}

func TestNewSecret(t *testing.T) {
	if a, b := NewSecret(), NewSecret(); len(a.Expose()) != 20 || a.Equal(b) {
		t.Error("secrets")
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("123456", int64(0))
	f.Fuzz(func(t *testing.T, code string, last int64) {
		step, ok := Verify(rfc(), code, time.Unix(3000, 0), last)
		if ok && (step <= last || step < 99 || step > 101 || !Looks(code)) {
			t.Errorf("%q: step %d", code, step)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	key := rfc()
	b.ReportAllocs()
	for b.Loop() {
		Verify(key, "123456", time.Unix(3000, 0), 0)
	}
}

func Example() {
	key, _ := base32.StdEncoding.DecodeString("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	step, ok := Verify(secret.New(key), "287082", time.Unix(59, 0), 0)
	fmt.Println(step, ok)
	_, ok = Verify(secret.New(key), "287082", time.Unix(59, 0), step) // the same code again
	fmt.Println(ok)
	// Output:
	// 1 true
	// false
}
