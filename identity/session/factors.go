package session

// The levels of an authentication (NIST SP 800-63B-4, Section 2). They are the acr of a
// session.
const (
	AAL1 = "aal1" // one factor
	AAL2 = "aal2" // two factors, or a passkey that has verified its user
)

// The methods of an authentication, as in the registry of RFC 8176, Section 2.
const (
	MethodPassword = "pwd"  // a password
	MethodOTP      = "otp"  // a one-time code: of an app (TOTP), or a recovery code
	MethodPasskey  = "pop"  // possession of a passkey's private key
	MethodUser     = "user" // the person was there and proved it to the authenticator
	MethodMFA      = "mfa"  // more than one factor
	MethodProvider = "fed"  // a login at another provider; not in the registry, which has no word for it
)

func (m Meta) amr() []string {
	if len(m.AMR) == 0 {
		return []string{MethodPassword}
	}
	return m.AMR
}

func (m Meta) acr() string { return or(m.ACR, AAL1) }

// words describes a login for the trail.
func (m Meta) words() string {
	s := "acr=" + m.acr() + " amr="
	for i, method := range m.amr() {
		if i > 0 {
			s += ","
		}
		s += method
	}
	return s + " device=" + m.Device
}
