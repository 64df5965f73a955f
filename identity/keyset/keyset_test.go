package keyset

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/secret"
)

var t0 = time.Unix(1_780_000_000, 0)

// key makes a key that begins to sign that many minutes after t0; negative: it is next.
func key(t testing.TB, version, begins int) secret.Key {
	t.Helper()
	b, err := GenerateKey()
	if err != nil || len(b) != 32 {
		t.Fatal(len(b), err)
	}
	k := secret.Key{Version: version, Value: secret.New(b)}
	if begins >= 0 {
		k.ActiveAt = t0.Add(time.Duration(begins) * time.Minute)
	}
	return k
}

// RFC 7638 gives an RSA example only; this is the P-256 key of RFC 7517, Appendix A.1,
// with the required members in the order of RFC 7638, Section 3.2, hashed with sha256sum.
func TestThumbprint(t *testing.T) {
	j := JWK{Kty: "EC", Crv: "P-256", X: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", Y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", Kid: "1", Use: "enc"}
	if got, want := j.Thumbprint(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The scalar and point of RFC 6979, Appendix A.2.5, and its first SHA-256 signature of
// "sample".
func TestKeyVector(t *testing.T) {
	const scalar, x, y = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
		"60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6", "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
	d, _ := new(big.Int).SetString(scalar, 16)
	k, err := newKey(secret.Key{Version: 1, Value: secret.New(d.Bytes())}, "t")
	if err != nil {
		t.Fatal(err)
	}
	gotX, _ := base64.RawURLEncoding.DecodeString(k.Public.X)
	gotY, _ := base64.RawURLEncoding.DecodeString(k.Public.Y)
	if fmt.Sprintf("%X", gotX) != x || fmt.Sprintf("%X", gotY) != y {
		t.Errorf("point %X, %X", gotX, gotY)
	}
	r, _ := new(big.Int).SetString("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716", 16)
	s, _ := new(big.Int).SetString("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8", 16)
	var sig [64]byte
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	if !k.Verify(sha256.Sum256([]byte("sample")), &sig) || k.Verify(sha256.Sum256([]byte("Sample")), &sig) {
		t.Error("the signature of the specification")
	}
}

// No number out of range is ever half of a signature ("psychic signatures").
func TestSignaturesOutOfRange(t *testing.T) {
	k, err := newKey(key(t, 1, 0), "t")
	if err != nil {
		t.Fatal(err)
	}
	token, _ := k.Token([]byte("{}"))
	parts := strings.Split(string(token), ".")
	good, _ := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	n := elliptic.P256().Params().N
	half := func(x *big.Int) []byte { return x.FillBytes(make([]byte, 32)) }
	zero, order, above, ones := half(new(big.Int)), half(n), half(new(big.Int).Add(n, big.NewInt(1))), bytes.Repeat([]byte{255}, 32)
	for name, sig := range map[string][]byte{
		"zeros": append(bytes.Clone(zero), zero...), "r is 0": append(bytes.Clone(zero), good[32:]...), "s is 0": append(bytes.Clone(good[:32]), zero...),
		"r is the order": append(bytes.Clone(order), good[32:]...), "s is the order": append(bytes.Clone(good[:32]), order...),
		"orders": append(bytes.Clone(order), order...), "s above the order": append(bytes.Clone(good[:32]), above...), "ones": append(bytes.Clone(ones), ones...),
		"exchanged": append(bytes.Clone(good[32:]), good[:32]...), "one and one": append(half(big.NewInt(1)), half(big.NewInt(1))...),
	} {
		if k.Verify(sum, (*[64]byte)(sig)) {
			t.Errorf("%s: verifies", name)
		}
	}
	if !k.Verify(sum, (*[64]byte)(good)) {
		t.Error("the good one does not verify")
	}
}

func TestTokensVerify(t *testing.T) {
	k, _ := newKey(key(t, 1, 0), "t")
	other, _ := newKey(key(t, 1, 0), "t")
	rapid.Check(t, func(rt *rapid.T) {
		payload := rapid.SliceOf(rapid.Byte()).Draw(rt, "payload")
		token, err := k.Token(payload)
		parts := strings.Split(string(token), ".")
		if err != nil || len(parts) != 3 || parts[0] != k.Header {
			rt.Fatal(err, parts)
		}
		got, _ := base64.RawURLEncoding.DecodeString(parts[1])
		sig, _ := base64.RawURLEncoding.DecodeString(parts[2])
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		if !bytes.Equal(got, payload) || !k.Verify(sum, (*[64]byte)(sig)) || other.Verify(sum, (*[64]byte)(sig)) {
			rt.Fatal("payload or signature")
		}
		sig[rapid.IntRange(0, 63).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		if k.Verify(sum, (*[64]byte)(sig)) {
			rt.Fatal("a changed signature verifies")
		}
	})
}

// Which keys sign, verify and are published, over the life of three of them.
func TestLife(t *testing.T) {
	ring := secret.NewRing("token", key(t, 1, 0), key(t, 2, 60), key(t, 3, -1))
	set := New(ring, "at+jwt")
	var headers []string
	for _, k := range set.At(t0).Keys {
		headers = append(headers, k.Header)
	}
	for _, tt := range []struct {
		minute           int
		signs            int
		verify, publishd string
	}{
		{0, 1, "123", "123"}, {59, 1, "123", "123"}, {60, 2, "123", "123"}, {70, 2, "123", "123"}, {71, 2, "23", "23"}, {6000, 2, "23", "23"},
	} {
		v := set.At(t0.Add(time.Duration(tt.minute) * time.Minute))
		signer, err := v.Signer()
		if err != nil || signer.Version != tt.signs {
			t.Errorf("minute %d: %v, %v; want key %d", tt.minute, signer, err, tt.signs)
		}
		verify := ""
		for _, h := range headers {
			if k := v.ByHeader(h); k != nil {
				verify += fmt.Sprint(k.Version)
			}
		}
		var published struct{ Keys []JWK }
		if err := json.Unmarshal(JWKS(t0.Add(time.Duration(tt.minute)*time.Minute), set), &published); err != nil {
			t.Error(err)
		}
		if verify != tt.verify || len(published.Keys) != len(tt.publishd) {
			t.Errorf("minute %d: %q verify, %d are published, want %q and %q", tt.minute, verify, len(published.Keys), tt.verify, tt.publishd)
		}
	}
	if a, b := set.At(t0.Add(7000*time.Minute)), set.At(t0); a != b {
		t.Error("a clock that goes back changes the keys")
	}
}

// A view changes with the ring and with time, and in no other way: what was kept under
// it is kept that long.
func TestViewsAreComparable(t *testing.T) {
	set := New(secret.NewRing("token", key(t, 1, 0), key(t, 2, 60)), "t")
	if set.At(t0) != set.At(t0.Add(59*time.Minute)) || set.At(t0) == set.At(t0.Add(60*time.Minute)) {
		t.Error("a view holds until a state changes")
	}
	if n := testing.AllocsPerRun(100, func() { set.At(t0.Add(61 * time.Minute)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBrokenKeys(t *testing.T) {
	for name, b := range map[string][]byte{"empty": nil, "short": make([]byte, 31), "zero": make([]byte, 32), "order": bytes.Repeat([]byte{255}, 32)} {
		broken := secret.Key{Version: 2, Value: secret.New(b), ActiveAt: t0}
		v := New(secret.NewRing("token", key(t, 1, 0), broken), "t").At(t0)
		if k, err := v.Signer(); err == nil || !strings.Contains(err.Error(), "token key 2") || k != nil {
			t.Errorf("%s: %v, %v", name, k, err)
		}
		if len(v.Keys) != 1 {
			t.Errorf("%s: %d keys verify, want the good one", name, len(v.Keys))
		}
	}
	if _, err := New(secret.NewRing("token"), "t").At(t0).Signer(); err == nil {
		t.Error("an empty ring signs")
	}
}
