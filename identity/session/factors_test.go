package session

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestStepUpNotesHow: a step-up replaces what the session says about the authentication.
func TestStepUpNotesHow(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, sid := w.begin(t0)
	if c, _, _ := w.judge(cookie, t0); c.ACR != "aal1" || !cmp.Equal(c.AMR, []string{"pwd"}) {
		t.Errorf("a password is %s %v", c.ACR, c.AMR)
	}
	m := Meta{From: home, AMR: []string{MethodPassword, MethodOTP, MethodMFA}, ACR: AAL2}
	value, r, err := w.StepUp(bg, cookie, alice, m, t0.Add(time.Minute))
	if err != nil || r.SID != sid || r.ACR != "aal2" {
		t.Fatalf("%+v, %v", r, err)
	}
	c, _, code := w.judge(string(value.Expose()), t0.Add(2*time.Minute))
	if code != "" || c.ACR != "aal2" || !cmp.Equal(c.AMR, []string{"pwd", "otp", "mfa"}) {
		t.Errorf("%s: %s %v", code, c.ACR, c.AMR)
	}
}
