package adopt

import "testing"

// TestRead: what a server may take for the session's cookie is not passed on (PHP manual,
// "Variables From External Sources": dots and spaces become underscores).
func TestRead(t *testing.T) {
	r := &Rules{Cookies: []string{"app_session", "connect.sid"}}
	for name, want := range map[string]bool{
		"app_session": true, "app.session": true, "app session": true, "app[session": true, "app_session[]": true, "app.session[x]": true, "app%5Fsession": true, "app%2esession": true,
		"connect.sid": true, "connect_sid": false, "connect%2Esid": true,
		"App_Session": false, "app-session": false, "app_session2": false, "app_sessio": false, "xapp.session": false, "": false, ".": false, "%": false, "a%": false, "[": false,
	} {
		if r.Read(name) != want {
			t.Errorf("%q: want %v", name, want)
		}
	}
}
