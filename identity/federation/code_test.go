package federation

import (
	"strings"
	"testing"
)

// TestErrorCode: registered codes are told as they are (RFC 6749, Sections 4.1.2.1 and 5.2;
// RFC 9449, Section 5; OpenID Connect Core, Section 3.1.2.6), everything else is not.
func TestErrorCode(t *testing.T) {
	for _, code := range []string{"invalid_client", "access_denied", "temporarily_unavailable", "use_dpop_nonce", "account_selection_required", ""} {
		if got := errorCode(code); got != code {
			t.Errorf("%q is told as %q", code, got)
		}
	}
	for _, other := range []string{"Basic dXM6aHVudGVyMg==", "hunter2", "65PH24GG/+<", "a b", "é", strings.Repeat("a", 41), "invalid_client\n"} {
		if got := errorCode(other); got != "(a code that is none)" {
			t.Errorf("%q is told as %q", other, got)
		}
	}
}
