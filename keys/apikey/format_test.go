package apikey

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/secret"
)

// The vectors of research C.
const (
	secret32  = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	vector    = "smk_live_000000000001_" + secret32 + "2vG8vN"
	vectorTst = "smk_test_000000000001_" + secret32 + "12pN8N"
	vectorMAC = "a6ae5e72ae47c71bfee9ed346cff8bafc6fd012d73fb1861f9af1316cdba7ccd" // of the key alone
	// labelledMAC is HMAC-SHA-256 with 32 zero bytes over "sanmon/key/v1\x00" and the
	// vector, computed by Python's hmac.
	labelledMAC = "e11d97c9d46f68fb1919e3a0bbb939ae17b9481c31b3571f18416f2788dd0750"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		key, id string
		env     Env
		err     error
	}{
		{vector, "000000000001", Live, nil},
		{vectorTst, "000000000001", Test, nil},
		{"", "", "", errSize},
		{vector[:59], "", "", errSize},
		{vector + "0", "", "", errSize},
		{" " + vector[:59], "", "", errShape},
		{strings.Replace(vector, "live", "test", 1), "", "", errSum},
		{strings.Replace(vector, "live", "prod", 1), "", "", errShape},
		{strings.Replace(vector, "smk", "SMK", 1), "", "", errShape},
		{strings.Replace(vector, "smk", "sma", 1), "", "", errShape},
		{strings.Replace(vector, "_live_", "-live-", 1), "", "", errShape},
		{strings.Replace(vector, "A", "B", 1), "", "", errSum},
		{strings.Replace(vector, "1_A", "1-A", 1), "", "", errShape},
		{strings.Replace(vector, "AA", "A_", 1), "", "", errShape},
		{strings.Replace(vector, "AA", "é", 1), "", "", errShape},
		{strings.Replace(vector, "A", "\x00", 1), "", "", errShape},
		{vector[:59] + "\n", "", "", errShape},
	} {
		id, env, err := Parse(tt.key)
		if err != tt.err || err == nil && (id.String() != tt.id || env != tt.env) {
			t.Errorf("Parse(%q) = %s, %s, %v, want %s, %s, %v", tt.key, id, env, err, tt.id, tt.env, tt.err)
		}
	}
	if Size != 60 {
		t.Errorf("Size = %d", Size)
	}
}

func TestMACVector(t *testing.T) {
	m := macs{peppers: secret.NewRing(secret.PurposePepper, secret.Key{Version: 3, Value: secret.New(make([]byte, 32))})}
	for range 3 { // the second time with a pooled state
		// The vector of the format is HMAC of the key alone; the label makes another.
		got, ok := m.sum(3, vector, &tie{})
		if !ok || hex.EncodeToString(got[:]) == vectorMAC {
			t.Errorf("MAC %x, %v: the label is missing", got, ok)
		}
		if hex.EncodeToString(got[:]) != labelledMAC {
			t.Errorf("MAC %x, want %s", got, labelledMAC)
		}
	}
	if _, ok := m.sum(2, vector, &tie{}); ok {
		t.Error("a MAC under a pepper that is not there")
	}
}

func TestGenerate(t *testing.T) {
	seen := map[ID]bool{}
	for i := range 1000 {
		env := []Env{Live, Test}[i%2]
		id, key, err := Generate(env)
		if err != nil {
			t.Fatal(err)
		}
		gotID, gotEnv, err := Parse(string(key.Expose()))
		if err != nil || gotID != id || gotEnv != env || seen[id] {
			t.Fatalf("generated %s for %s: read as %s, %s, %v", id, env, gotID, gotEnv, err)
		}
		seen[id] = true
	}
	if _, _, err := Generate("prod"); err == nil {
		t.Error("a key for an unknown environment")
	}
}

// Every single wrong character is noticed.
func TestChecksumFindsTypingErrors(t *testing.T) {
	for i := range vector {
		for _, c := range []byte("0Aa9Zz_") {
			if key := vector[:i] + string(c) + vector[i+1:]; key != vector {
				if _, _, err := Parse(key); err == nil {
					t.Errorf("%s reads", key)
				}
			}
		}
	}
}

func TestFind(t *testing.T) {
	every := func(s string) string { // each character percent-encoded
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, "%%%02x", s[i])
		}
		return b.String()
	}
	for _, tt := range []struct {
		in   string
		want []string // found text
	}{
		{"", nil},
		{"smk_live_", nil},
		{vector, []string{vector}},
		{"x" + vector + "y", []string{vector}},
		{"smk_" + vector, []string{vector}},
		{"smk_live_smk_live_" + vector, []string{vector}},
		{vector + vectorTst, []string{vector, vectorTst}},
		{"?key=" + vector + "&b=" + vectorTst + "#", []string{vector, vectorTst}},
		{strings.Replace(vector, "A", "B", 1), nil},
		{vector[:59], nil},
		{every(vector), []string{every(vector)}},
		{"%" + vector, []string{vector}},
		{"%%73mk" + vector[3:], []string{"%73mk" + vector[3:]}},
		{"s%6dk" + vector[3:], []string{"s%6dk" + vector[3:]}},
		{"smk%5F" + vector[4:], []string{"smk%5F" + vector[4:]}},
		{"smk%5f" + vector[4:58] + "%76%4E", []string{"smk%5f" + vector[4:58] + "%76%4E"}},
		{"%zz " + every(vectorTst) + " %", []string{every(vectorTst)}},
	} {
		var got []string
		for _, s := range Find([]byte(tt.in)) {
			got = append(got, tt.in[s.Start:s.End])
			if s.ID.String() != "000000000001" || !s.Valid {
				t.Errorf("%q: span %+v", tt.in, s)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Find(%q): %s", tt.in, diff)
		}
	}
}

func TestLooks(t *testing.T) {
	for in, want := range map[string]bool{
		vector: true, "/x/" + strings.Replace(vector, "A", "B", 1): true, vector[:30]: true, vector[:23]: true, "?" + url.QueryEscape(vector): true,
		vector[:22]: false, "smk_live_[REDACTED]": false, "/keys/000000000001": false, "smk_live_000000000001_[REDACTED]": false, "smk_prod_000000000001_AAAA": false,
	} {
		if got := Looks([]byte(in)); got != want {
			t.Errorf("Looks(%q) = %v", in, got)
		}
	}
}

func TestInURL(t *testing.T) {
	for in, want := range map[string]bool{
		"/": false, "/notes?x=%20": false, "/%": false, "/" + vector: true, "/?k=" + strings.ReplaceAll(vector, "_", "%5F"): true,
		"/?k=" + strings.ReplaceAll(vector, "_", "%255F"): true, "/?k=" + strings.ReplaceAll(vector, "_", "%25255f"): true, "/#" + vector[:40]: true,
	} {
		if got := InURL(in); got != want {
			t.Errorf("InURL(%q) = %v", in, got)
		}
	}
}

func TestScanIsLinear(t *testing.T) {
	for _, s := range []string{"smk_", "%", "%73", "smk_live_", vector[:22], vector[:23] + "%", "s%6d"} {
		in := bytes.Repeat([]byte(s), (1<<20)/len(s))
		Find(in) // a quadratic scan does not end within the test's time
	}
}

func TestFindProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`[ -~]{0,30}`)
		before, after := text.Draw(rt, "before"), text.Draw(rt, "after")
		var key strings.Builder
		for i := range len(vector) {
			if rapid.Bool().Draw(rt, "encoded") {
				fmt.Fprintf(&key, "%%%02X", vector[i])
			} else {
				key.WriteByte(vector[i])
			}
		}
		if before = strings.TrimRight(before, "%0123456789abcdefABCDEFsmk_"); len(Find([]byte(before+key.String()+after))) != 1 {
			rt.Fatalf("not found in %q", before+key.String()+after)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(vector)
	f.Add(vectorTst)
	f.Fuzz(func(t *testing.T, s string) {
		id, env, err := Parse(s)
		spans := Find([]byte(s))
		if err == nil && (len(spans) != 1 || spans[0].ID != id || spans[0].Env != env || spans[0].End != len(s)) {
			t.Fatalf("Parse reads %q, Find finds %v", s, spans)
		}
		for _, sp := range spans {
			if sp.Start < 0 || sp.End > len(s) || sp.Secret <= sp.Start || sp.Secret >= sp.End {
				t.Fatalf("span %+v of %q", sp, s)
			}
		}
		InURL(s)
	})
}
