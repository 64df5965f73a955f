package session

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// The vectors of docs/formats.md, computed with Python's hmac, hashlib and base64.
func TestVectors(t *testing.T) {
	const (
		sid       = "ses_00000000000000000001"
		cookie    = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8GR0hGIEAAl-ycg3Lfl-vRrBs1_wwnuzAwMDAwMDAwMDAwMDAwMDAwMDAx"
		hash      = "5b3e86ded5631440c1607c5894c28e1e12d66bee3d15854545905e21c77ba634"
		csrf      = "52e49d2b5a160d3a95787b579cb8f76237d808192dc4f5e285a32602a49ab387"
		following = "P10wUHHI1xOLrCmf2FFvXAnnFuSo1TOKP2qoV7nf6UAGR0h7xSkA5a2qUkTpBANmssuDV0YnrTAwMDAwMDAwMDAwMDAwMDAwMDAx"
	)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := Options{Ring: secret.NewRing(secret.PurposeSession, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))})}
	var seed [seedBytes]byte
	for i := range seed {
		seed[i] = byte(i)
	}
	v, sum := mint(o.Ring.Current().Value, sid, at, seed)
	if string(v.Expose()) != cookie || hex.EncodeToString(sum[:]) != hash || hex.EncodeToString(binding(sum)) != csrf {
		t.Errorf("cookie %s, hash %x, binding %x", v.Expose(), sum, binding(sum))
	}
	raw, ok := decode(cookie)
	if !ok || digest(raw) != sum {
		t.Fatal("not read as it was made")
	}
	if next, _ := o.next(sid, raw, at.Add(15*time.Minute)); string(next.Expose()) != following {
		t.Errorf("successor %s", next.Expose())
	}
	if of, when, ok := o.origin(raw); !ok || of != sid || !when.Equal(at) {
		t.Errorf("made for %q at %v, %v", of, when, ok)
	}
}

// Whatever is not a mark of ours proves nothing, and no bit of one may be another.
func FuzzOrigin(f *testing.F) {
	o := Options{Ring: secret.NewRing(secret.PurposeSession, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))})}
	v, _ := mint(o.Ring.Current().Value, "ses_00000000000000000001", t0, [seedBytes]byte{1}) // the same in every worker
	good, _ := decode(string(v.Expose()))
	f.Add(good.bytes())
	f.Add(good.buf[:seedBytes])
	f.Fuzz(func(t *testing.T, b []byte) {
		var h decoded
		if h.n = copy(h.buf[:], b); h.n != seedBytes && h.n != markedBytes {
			return
		}
		if _, _, ok := o.origin(h); ok != (h == good) {
			t.Errorf("%x: made by us: %v", b, ok)
		}
	})
}
