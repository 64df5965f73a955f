package oauth

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/sanmon-gate/sanmon/identity/dpop"
)

// Metadata is the document of RFC 8414, Section 2; with openid that of OpenID Connect
// Discovery, Section 3. It says what is true and nothing else.
func (s *Server) Metadata(openid bool) []byte {
	assertions := []string{"ES256", "RS256", "PS256", "EdDSA"}
	programs := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	m := map[string]any{
		"issuer":                                                   s.Issuer,
		"authorization_endpoint":                                   s.Issuer + s.Endpoints.Authorize,
		"token_endpoint":                                           s.Issuer + s.Endpoints.Token,
		"revocation_endpoint":                                      s.Issuer + s.Endpoints.Revoke,
		"introspection_endpoint":                                   s.Issuer + s.Endpoints.Introspect,
		"jwks_uri":                                                 s.Issuer + s.Endpoints.JWKS,
		"scopes_supported":                                         s.scopes(),
		"response_types_supported":                                 []string{"code"},
		"response_modes_supported":                                 []string{"query"},
		"grant_types_supported":                                    []string{GrantCode, GrantRefresh, GrantCredentials},
		"code_challenge_methods_supported":                         []string{"S256"},
		"token_endpoint_auth_methods_supported":                    append([]string{"none"}, programs...),
		"token_endpoint_auth_signing_alg_values_supported":         assertions,
		"revocation_endpoint_auth_methods_supported":               append([]string{"none"}, programs...),
		"revocation_endpoint_auth_signing_alg_values_supported":    assertions,
		"introspection_endpoint_auth_methods_supported":            programs,
		"introspection_endpoint_auth_signing_alg_values_supported": assertions,
		"authorization_response_iss_parameter_supported":           true,
		"dpop_signing_alg_values_supported":                        dpop.Algorithms(),
	}
	if openid {
		maps.Copy(m, map[string]any{
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"ES256"},
			"claims_supported":                      []string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "acr", "amr", "email"},
			"prompt_values_supported":               []string{"none", "login", "select_account"},
			"claims_parameter_supported":            false,
			"request_parameter_supported":           false,
			"request_uri_parameter_supported":       false,
		})
	}
	out, _ := json.Marshal(m) // texts and lists: cannot fail
	return out
}

// scopes are all that any client may ask for by name.
func (s *Server) scopes() []string {
	all := map[string]bool{}
	for _, c := range s.Clients {
		for _, scope := range c.Scopes {
			all[scope] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}
