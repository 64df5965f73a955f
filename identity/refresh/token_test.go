package refresh

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/secret"
	"pgregory.net/rapid"
)

func ring(versions ...int) *secret.Ring {
	keys := make([]secret.Key, len(versions))
	for i, v := range versions {
		keys[i] = secret.Key{Version: v, Value: secret.New([]byte(strings.Repeat(string(rune('a'+v)), 32)))}
	}
	return secret.NewRing(secret.PurposeRefresh, keys...)
}

// A token, put together by hand from docs/formats.md.
func TestTokenByHand(t *testing.T) {
	c := claim{gen: 258}
	copy(c.family[:], "family-of-tokens")
	got, err := mint(ring(1, 3), c, "mobile")
	if err != nil {
		t.Fatal(err)
	}
	body := append([]byte{0, 3}, "family-of-tokens\x00\x00\x00\x00\x01\x02"...)
	key, err := hkdf.Key(sha256.New, []byte(strings.Repeat("d", 32)), []byte("family-of-tokens"), "sanmon/refresh/family/v1", 32)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("sanmon/refresh/token/v1\x00" + string(body) + "mobile"))
	body = mac.Sum(body)
	text := "smr_"
	for i := 0; i < 56; i += 8 {
		text += base62(new(big.Int).SetBytes(body[i:i+8]), 11)
	}
	if want := text + string(got.Expose())[81:]; string(got.Expose()) != want || len(want) != 87 {
		t.Errorf("%s\nwant %s", got.Expose(), want)
	}
	if back, ok := open(ring(1, 3), string(got.Expose()), "mobile"); !ok || back != c {
		t.Errorf("read as %+v, %v", back, ok)
	}
}

// The vector of docs/formats.md, computed with Python's hmac, hashlib and zlib.
func TestTokenVector(t *testing.T) {
	c := claim{gen: 1}
	for i := range c.family {
		c.family[i] = byte(i)
	}
	zero := secret.NewRing(secret.PurposeRefresh, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))})
	const want = "smr_001HvbGK2EP0W5D8KHSTxV1CpgDnI1JEP6Xbk5wFFp7vAbgNl6xCcWG0IJHIHn9xawH0AKAfRp8W71QIw7T" // sanmon:allow sanmon-refresh-token a vector of docs/formats.md
	if v, err := mint(zero, c, "mobile"); err != nil || string(v.Expose()) != want {
		t.Errorf("%s, %v", v.Expose(), err)
	}
	if got, ok := open(zero, want, "mobile"); !ok || got != c {
		t.Errorf("%+v, %v", got, ok)
	}
}

func base62(n *big.Int, width int) string {
	s := n.Text(62) // 0-9 a-z A-Z: another order than ours
	out := []byte(strings.Repeat("0", width-len(s)) + s)
	for i, b := range out {
		switch {
		case 'a' <= b && b <= 'z':
			out[i] = b - 'a' + 'A'
		case 'A' <= b && b <= 'Z':
			out[i] = b - 'A' + 'a'
		}
	}
	return string(out)
}

// What was minted opens with that ring and for that client, and in no other way.
func TestToken(t *testing.T) {
	r := ring(1, 2)
	rapid.Check(t, func(rt *rapid.T) {
		c := claim{gen: rapid.Int64Range(0, maxGen).Draw(rt, "gen")}
		copy(c.family[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "family"))
		client := rapid.String().Draw(rt, "client")
		v, err := mint(r, c, client)
		if err != nil {
			rt.Fatal(err)
		}
		text := string(v.Expose())
		if got, ok := open(r, text, client); !ok || got != c || len(text) != Size || !Looks(text) {
			rt.Fatalf("%+v, %v", got, ok)
		}
		again, _ := mint(r, c, client)
		if !again.Equal(v) {
			rt.Fatal("minted differently")
		}
		other := c
		other.gen ^= 1
		for name, bad := range map[string]func() bool{
			"another client": func() bool { _, ok := open(r, text, client+"x"); return ok },
			"a dropped key":  func() bool { _, ok := open(ring(1), text, client); return ok },
			"another key":    func() bool { _, ok := open(ring(1, 3), text, client); return ok },
			"a changed byte": func() bool { return opens(r, flip(rt, text), client) },
			"a cut":          func() bool { return opens(r, text[:rapid.IntRange(0, Size-1).Draw(rt, "cut")], client) },
			"another's MAC": func() bool {
				w, _ := mint(r, other, client)
				return opens(r, text[:45]+string(w.Expose())[45:], client)
			},
			"an extension":   func() bool { return opens(r, text+"0", client) },
			"another prefix": func() bool { return opens(r, "smk_"+text[4:], client) },
		} {
			if bad() {
				rt.Fatalf("opens with %s", name)
			}
		}
	})
}

func opens(r *secret.Ring, text, client string) bool { _, ok := open(r, text, client); return ok }

func flip(rt *rapid.T, s string) string {
	i, to := rapid.IntRange(0, len(s)-1).Draw(rt, "at"), rapid.Byte().Draw(rt, "to")
	if s[i] == to {
		to++
	}
	return s[:i] + string([]byte{to}) + s[i+1:]
}

// The generation and the key version have limits, and no token beyond them.
func TestMintOutOfRange(t *testing.T) {
	for _, c := range []struct {
		version int
		gen     int64
	}{{0, 0}, {1 << 16, 0}, {1, -1}, {1, 1 << 48}} {
		if _, err := mint(ring(c.version), claim{gen: c.gen}, "mobile"); err == nil {
			t.Errorf("%+v: minted", c)
		}
	}
}

// 62^11 is more than 2^64, so some blocks are no number: each number has one spelling.
func TestBase62(t *testing.T) {
	for s, want := range map[string]uint64{
		"00000000000": 0, "0000000000z": 61, "00000000010": 62, "LygHa16AHYF": 1<<64 - 1,
	} {
		if n, ok := parseBase62(s); !ok || n != want || string(appendBase62(nil, n, 11)) != s {
			t.Errorf("%s: %d %v, %s", s, n, ok, appendBase62(nil, n, 11))
		}
	}
	for _, bad := range []string{"LygHa16AHYG", "zzzzzzzzzzz", "LygHa16AHY-", "é", " 0", "0000000000\x00"} {
		if n, ok := parseBase62(bad); ok {
			t.Errorf("%q: %d", bad, n)
		}
	}
}

// A text that is read is spelled exactly as it would be written.
func FuzzParse(f *testing.F) {
	v, _ := mint(ring(1), claim{gen: 7}, "mobile")
	f.Add(string(v.Expose()))
	f.Add("smr_" + strings.Repeat("0", 83))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		body, ok := parse(text)
		if !ok {
			return
		}
		again := []byte("smr_")
		for i := 0; i < bodyBytes; i += 8 {
			again = appendBase62(again, binary.BigEndian.Uint64(body[i:]), blockChars)
		}
		if !strings.HasPrefix(text, string(again)) || len(text) != len(again)+crcChars {
			t.Errorf("%q is another spelling of %q", text, again)
		}
	})
}
