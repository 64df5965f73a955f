package dbsc

import "encoding/json"

// Site says what the browser binds.
type Site struct {
	Origin     string // "https://app.example.com"
	Refresh    string // path where it asks for the next cookie
	Cookie     string // name of the cookie
	Attributes string // exactly those of its Set-Cookie, but for its life
}

type instructions struct {
	ID         string       `json:"session_identifier"`
	RefreshURL string       `json:"refresh_url"`
	Scope      scope        `json:"scope"`
	Credential []credential `json:"credentials"`
}

type scope struct {
	Origin      string   `json:"origin"`
	IncludeSite bool     `json:"include_site"`
	Rules       []string `json:"scope_specification"`
}

type credential struct {
	Type       string `json:"type"`
	Name       string `json:"name"`
	Attributes string `json:"attributes"`
}

// Instructions is the JSON that answers a registration or a refresh: everything of the
// origin needs the cookie.
func (s Site) Instructions(sid string) ([]byte, error) {
	return json.Marshal(instructions{ID: sid, RefreshURL: s.Refresh, Scope: scope{Origin: s.Origin, Rules: []string{}},
		Credential: []credential{{"cookie", s.Cookie, s.Attributes}}})
}
