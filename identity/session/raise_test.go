package session

import (
	"errors"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/refusal"
)

// TestStepUpsAtOnce: a password that somebody steps up with while the person uses a passkey does
// not get what that proves.
func TestStepUpsAtOnce(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, sid := w.begin(t0)
	at := t0.Add(time.Minute)
	var thief string
	w.store.onRotate = func() {
		w.store.onRotate = nil
		v, _, err := w.StepUp(bg, cookie, alice, Meta{From: home, AMR: []string{MethodPassword}, ACR: AAL1}, at)
		if err != nil {
			t.Error(err)
		}
		thief = string(v.Expose())
	}
	if _, _, err := w.StepUp(bg, cookie, alice, Meta{From: home, AMR: []string{MethodPasskey}, ACR: AAL2}, at); err != nil {
		t.Fatal(err)
	}
	if c, _, code := w.judge(thief, at.Add(time.Second)); code != "" || c.ACR != AAL1 || len(c.AMR) != 1 || c.AMR[0] != MethodPassword {
		t.Errorf("%q: %s %v of session %s", code, c.ACR, c.AMR, sid)
	}
}

// TestStepUpIsWholeOrNot: a store that fails in the middle leaves the browser with what it had,
// and takes nobody for a thief.
func TestStepUpIsWholeOrNot(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, sid := w.begin(t0)
	at := t0.Add(time.Minute)
	w.store.onRotate = func() { w.store.onRotate = nil; w.store.fail(errors.New("disk full")) }
	_, _, err := w.StepUp(bg, cookie, alice, Meta{From: home, AMR: []string{MethodPasskey}, ACR: AAL2}, at)
	w.store.fail(nil)
	if err != nil && refusal.From(err).Code != refusal.Busy {
		t.Fatal(err)
	}
	if r := w.store.row(sid); err != nil && (r.ACR == AAL2 || !r.RotatedAt.Equal(t0)) || err == nil && r.ACR != AAL2 {
		t.Errorf("%v, and the row has %s, rotated at %s", err, r.ACR, r.RotatedAt)
	}
	if w.store.count(audit.SessionRevoked) > 0 {
		t.Error("somebody is a thief")
	}
}

// TestTheFormerSecretIsNotRaised: whoever has a copy of the secret from before a step-up does not
// get what the person has just proven, in the seconds that it is still taken.
func TestTheFormerSecretIsNotRaised(t *testing.T) {
	w := newWorld(t, Options{})
	stolen, _ := w.begin(t0)
	at := t0.Add(time.Minute)
	v, _, err := w.StepUp(bg, stolen, alice, Meta{From: home, AMR: []string{MethodPasskey, MethodMFA}, ACR: AAL2}, at)
	if err != nil {
		t.Fatal(err)
	}
	if c, _, code := w.judge(stolen, at.Add(time.Second)); code != "" || c.ACR != AAL1 || len(c.AMR) != 0 || !c.AuthTime.Equal(t0) {
		t.Errorf("the former secret: %q %s %v %s", code, c.ACR, c.AMR, c.AuthTime)
	}
	if c, _, code := w.judge(string(v.Expose()), at.Add(time.Second)); code != "" || c.ACR != AAL2 || len(c.AMR) != 2 {
		t.Errorf("the new one: %q %s %v", code, c.ACR, c.AMR)
	}
}
