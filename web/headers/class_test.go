package headers_test

import (
	"net/textproto"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/headers"
	"pgregory.net/rapid"
)

func TestForwardable(t *testing.T) {
	for _, name := range strings.Fields(`Accept Accept-Encoding Accept-Language Authorization Cache-Control Content-Type Content-Encoding Cookie Date
		Dnt Expect Host-Ish If-None-Match Last-Event-Id Origin Pragma Priority Range Referer Sec-Ch-Ua Sec-Fetch-Site Sec-Websocket-Key Sec-Websocket-Protocol
		Traceparent Tracestate Upgrade-Insecure-Requests User-Agent Via X-Api-Key X-Csrftoken X-Csrf-Token X-Requested-With X-Xsrf-Token X-User-Id X-Auth-Token
		X-Request-Start X-Correlation-Id X-Goog-Channel-Id X-Hub-Signature-256 X-Github-Event X-Amz-Date X-Client-Version X-Authz X-Forward X-Remotely Remote
		X-Tenant X Xx X-1 A 1 Te-Rminal Proxyish Dpop Idempotency-Key Hx-Request`) {
		if !headers.Forwardable(name) {
			t.Errorf("%s does not arrive", name)
		}
	}
	for class, names := range map[headers.Class]string{
		headers.HopByHop: `Connection Keep-Alive Proxy-Connection Proxy-Authenticate Proxy-Authorization Te Trailer Transfer-Encoding Upgrade Http2-Settings Host Content-Length`,
		headers.Forgeable: `X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Uri X-Forwarded-Method X-Forwarded-Server
			X-Forwarded-Ssl X-Forwarded-Scheme X-Forwarded-By X-Forwarded-User X-Forwarded-Email X-Forwarded-Groups X-Forwarded-Access-Token X-Forwarded-Preferred-Username
			X-Forwarded-Client-Cert X-Forwarded-Tls-Client-Cert Forwarded X-Real-Ip True-Client-Ip Cf-Connecting-Ip Cf-Connecting-Ipv6 X-Client-Ip X-Cluster-Client-Ip Client-Ip
			X-Originating-Ip X-Remote-Ip X-Remote-Addr Fastly-Client-Ip X-Envoy-External-Address X-Envoy-Original-Path
			X-Http-Method-Override X-Http-Method X-Method-Override X-Original-Url X-Rewrite-Url X-Original-Method X-Original-Uri X-Original-Host X-Script-Name X-Skipper-Proxy
			Remote-User Remote-Email Remote-Groups Remote-Name Remote-Addr X-Remote-User X-Remote-Group X-Auth-Request-User X-Auth-Request-Email X-Auth-Request-Access-Token
			Tailscale-User-Login Tailscale-User-Name Cf-Access-Authenticated-User-Email Cf-Access-Jwt-Assertion X-Goog-Authenticated-User-Email X-Goog-Authenticated-User-Id X-Goog-Iap-Jwt-Assertion
			X-Pomerium-Jwt-Assertion X-Pomerium-Claim-Email X-Authentik-Username X-Authentik-Jwt X-Webauth-User X-Authenticated-User X-Vouch-User X-Amzn-Oidc-Data X-Ms-Client-Principal X-Ms-Client-Principal-Name
			X-Consumer-Username X-Ssl-Client-Verify X-Ssl-Client-S-Dn X-Ssl-Cert Ssl-Client-Cert X-Client-Cert X-Client-Cert-Dn X-Client-Certificate Client-Cert Client-Cert-Chain X-Arr-Clientcert
			X-Sanmon-User X-Sanmon-Csrf Sanmon-Assertion Sanmon-Csp-Nonce X-Request-Id Proxy Script-Name Path-Info Query-String Request-Method Https X-Middleware-Subrequest X-Accel-Mapping X-Sendfile-Type`,
		headers.Ambiguous: `X_Forwarded_For X_sanmon_user X_Sanmon_User Sanmon_Assertion SCRIPT_NAME X.Authenticated.User X.Forwarded.User Remote_User X-Remote_User X-Auth.Request-User
			Content_Length Transfer_Encoding Content_Type Cookie_ _Cookie x-forwarded-for x-real-ip X-FORWARDED-FOR X-forwarded-For remote-user cOOKIE X!a X#a X$a X%a X&a X'a X*a X+a X^a X|a X~a Café Ünïcode`,
	} {
		for _, name := range append(strings.Fields(names), map[headers.Class][]string{headers.Ambiguous: {"", "A b", "A\x00", "A\tb", "A:", "A/b", "A(b"}}[class]...) {
			if got := headers.Classify(name); got != class || headers.Forwardable(name) {
				t.Errorf("Classify(%q) = %d, want %d", name, got, class)
			}
		}
	}
}

// RT 29 to 33, 39: however a client spells an identity field, no spelling arrives that a
// CGI-like backend folds onto it.
func TestNoSpellingArrives(t *testing.T) {
	forged := strings.Fields(`X-Forwarded-For X-Forwarded-User Remote-User X-Remote-User Sanmon-Assertion X-Sanmon-User X-Auth-Request-Email X-Real-Ip X-Authenticated-User Script-Name X-Original-Url X-Http-Method-Override Proxy`)
	rapid.Check(t, func(t *rapid.T) {
		want := strings.ReplaceAll(strings.ToUpper(rapid.SampledFrom(forged).Draw(t, "field")), "-", "_")
		b := []byte(want)
		for i, c := range b {
			if c == '_' {
				b[i] = rapid.SampledFrom([]byte("-_.")).Draw(t, "separator")
			} else if rapid.Bool().Draw(t, "lower") {
				b[i] = c | 0x20
			}
		}
		for _, name := range []string{string(b), textproto.CanonicalMIMEHeaderKey(string(b))} {
			if headers.Forwardable(name) {
				t.Fatalf("%q arrives, and WSGI folds it to HTTP_%s", name, want)
			}
		}
	})
}

func TestRemoved(t *testing.T) {
	h := fields("Accept: a", "X_User: a", "X.User: b", "X-Forwarded-For: c", "x-lower: d")
	for _, f := range []exchange.Fields{h, foreign{h}} {
		if got := headers.Removed(f); got != 3 {
			t.Errorf("Removed(%T) = %d, want 3", f, got)
		}
	}
}

func TestCredential(t *testing.T) {
	for name, want := range map[string]bool{"Authorization": true, "X-Api-Key": true, "Cookie": false, "Proxy-Authorization": false, "authorization": false} {
		if headers.Credential(name) != want {
			t.Errorf("Credential(%s) is not %v", name, want)
		}
	}
}

func BenchmarkForwardable(b *testing.B) {
	for _, name := range []string{"Accept", "User-Agent", "Upgrade-Insecure-Requests", "X-Requested-With", "X-Csrftoken", "X-Forwarded-For", "X-Amz-Date", "X_Sanmon_User"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				headers.Forwardable(name)
			}
		})
	}
	b.Run("perFieldOfABrowser", func(b *testing.B) {
		var names []string
		for name := range browser {
			names = append(names, name)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			headers.Forwardable(names[i%len(names)])
		}
	})
}
