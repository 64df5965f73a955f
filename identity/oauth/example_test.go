package oauth_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/identity/oauth"
)

// Where nobody is signed in a person is led to the login page, and where the address is
// not a registered one, nowhere.
func ExampleServer_Authorize() {
	s := &oauth.Server{
		Issuer:  "https://app.example.com",
		Clients: map[string]*oauth.Client{"mobile": {ID: "mobile", RedirectURIs: []string{"com.example.app:/cb"}, Scopes: []string{"notes:read"}, Grants: []string{oauth.GrantCode}}},
	}
	ask := func(redirect, prompt string) (oauth.Answer, error) {
		v := url.Values{"response_type": {"code"}, "client_id": {"mobile"}, "redirect_uri": {redirect}, "state": {"s"}, "prompt": {prompt},
			"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}}
		return s.Authorize(context.Background(), v.Encode(), nil, oauth.Circumstances{Now: time.Now()})
	}
	a, err := ask("com.example.app:/cb", "")
	fmt.Println(strings.HasPrefix(a.Login, "client_id=mobile&"), err)
	a, err = ask("com.example.app:/cb", "none")
	u, _ := url.Parse(a.Location)
	fmt.Println(u.Query().Get("error"), u.Query().Get("iss"), err)
	_, err = ask("https://evil.example/cb", "")
	fmt.Println(oauth.From(err).Description)
	// Output:
	// true <nil>
	// login_required https://app.example.com <nil>
	// redirect_uri is not registered
}
