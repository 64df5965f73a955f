package portal

import (
	"net/url"
	"slices"
	"testing"

	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/totp"
)

// TestWhatPeopleAreToldOf: each change once, after it was made, and nothing that was not.
func TestWhatPeopleAreToldOf(t *testing.T) {
	h := newHome(t, login.Optional)
	h.Account.Providers = []Provider{{"corp", "https://id.example.com"}}
	var told []Notice
	h.Account.Changed = func(n Notice) { told = append(told, n) }
	step := func(what string, want ...string) {
		t.Helper()
		var got []string
		for _, n := range told {
			if got = append(got, n.Change); n.User != "usr_ann" || n.Email != "ann@example.com" || n.Lang != "en" || !n.At.Equal(h.now) || n.Device == "" || n.Network.String() != "203.0.113.9" {
				t.Errorf("%s: %+v", what, n)
			}
		}
		if told = nil; !slices.Equal(got, want) {
			t.Errorf("%s: told of %q, want %q", what, got, want)
		}
	}
	h.signIn()
	for path, f := range h.changes() { // nothing there, or wrong
		if path != "/password" && path != "/key/create" {
			h.post(AccountPath+path, f)
		}
	}
	h.post(AccountPath+"/password", url.Values{"former": {"wrong"}, "password": {"a new horse entirely"}, "again": {"a new horse entirely"}})
	h.post(AccountPath+"/key/create", url.Values{"scope": {"all:things"}, "days": {"30"}})
	step("nothing was changed")

	key := totp.NewSecret()
	sealed, err := h.Account.Office.Issue(enrolPurpose, []byte(h.sid()), key.Expose(), noon.Add(login.EnrolLife))
	if err != nil {
		t.Fatal(err)
	}
	app := func() {
		h.post(AccountPath+"/totp", url.Values{"step": {sealed}, "code": {totp.Code(key, totp.Step(noon))}})
	}
	app()
	step("an app", "totp_added")
	app()
	step("a second app")
	h.post(AccountPath+"/recovery", nil)
	step("recovery codes", "recovery_renewed")
	h.post(AccountPath+"/totp/remove", nil)
	step("no app", "totp_removed")
	h.post(AccountPath+"/password", url.Values{"former": {good}, "password": {"a new horse entirely"}, "again": {"a new horse entirely"}})
	step("a password", "password_changed")
	h.post(AccountPath+"/key/create", url.Values{"scope": {"notes:read"}, "days": {"30"}})
	step("a key", "key_created")
	keys, err := h.store.KeysOf(t.Context(), "usr_ann", 10)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	h.post(AccountPath+"/key/rotate", url.Values{"id": {keys[0].ID}})
	step("another key", "key_rotated")
	h.link("https://id.example.com", "ann", "usr_ann")
	h.post(AccountPath+"/provider/unlink", unlinking("https://id.example.com", "ann"))
	step("a provider", "provider_unlinked")
	h.post(AccountPath+"/session/others", nil)
	step("sessions")
}

// TestWhoHasToEnrolIsTold: whoever has the password enrols the app of who has none.
func TestWhoHasToEnrolIsTold(t *testing.T) {
	h := newHome(t, login.Required)
	var told []Notice
	h.Account.Changed = func(n Notice) { told = append(told, n) }
	page := h.signIn().Body.String()
	step, token := inputOf(t, page, "step"), inputOf(t, page, "_sanmon")
	key, _, err := h.service.Enrolment(PreBinding(h.jar[h.Cookies.PreName()]), step, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"000000", totp.Code(key, totp.Step(noon))} {
		h.send(Prefix+"login/enrol", mediaForm, url.Values{"step": {step}, "_sanmon": {token}, "code": {code}}.Encode(), false)
	}
	if len(told) != 1 || told[0].Change != "totp_added" || told[0].Email != "ann@example.com" {
		t.Errorf("told %+v", told)
	}
}
