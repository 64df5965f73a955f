package portal

import "github.com/sanmon-gate/sanmon/internal/portal/views"

// others adds to the login page what is there beside a password and a passkey.
func (p *Portal) others(page *views.Login, next string) {
	page.Providers = p.providers(next)
	if p.Letters == nil || p.Ways.NoPassword {
		return
	}
	if p.Letters.Mail() {
		page.Forgot = ResetPath
	}
	if p.Letters.Signup() {
		page.Signup = SignupPath
	}
}
