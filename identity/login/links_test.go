package login

import (
	"net/netip"
	"testing"

	"github.com/sanmon-gate/sanmon/identity/link"
)

// TestOneKindOfLetterKeepsNoOtherBack: strangers who ask for one kind of letter to an address
// take no other kind away from its owner.
func TestOneKindOfLetterKeepsNoOtherBack(t *testing.T) {
	l := &Links{Service: newHouse(t).Service}
	asked := 0
	send := func(kind link.Kind) bool {
		t.Helper()
		asked++ // each from a network of its own
		ok, err := l.Ask(bg, kind, "alice@example.com", netip.AddrFrom4([4]byte{203, 0, byte(asked), 1}), t0)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	sent := 0
	for range 20 {
		if send(link.Signup) {
			sent++
		}
	}
	if sent != 3 {
		t.Errorf("%d letters of a kind went to one address, want 3", sent)
	}
	if !send(link.Reset) {
		t.Error("signing somebody up has kept the letter for a new password back")
	}
}
