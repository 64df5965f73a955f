package csrf

// Kind is how far one token reaches.
type Kind uint8

// The kinds of token. The zero Kind is none of them and verifies nothing.
const (
	// Session tokens hold for every effectful request of one binding. Their scope is "".
	Session Kind = iota + 1
	// Page tokens hold for one method and path, as often as the page is sent.
	Page
	// Once tokens hold for one method and path, one time, for OnceTTL.
	Once
)

// String gives the word of the configuration's csrf key.
func (k Kind) String() string {
	switch k {
	case Session:
		return "session"
	case Page:
		return "page"
	case Once:
		return "once"
	}
	return "unknown"
}

// letter is the first character of a token of this kind; 0 for no kind.
func (k Kind) letter() byte {
	switch k {
	case Session:
		return 's'
	case Page:
		return 'p'
	case Once:
		return 'o'
	}
	return 0
}

// Scope is the scope of a page or once token: the form's effective method in upper case,
// and the judged path of its action, without query.
func Scope(method, path string) string { return method + " " + path }

// KindOf is the kind that a token claims to be of, 0 for none. It says nothing about
// whether the token is good.
func KindOf(token string) Kind {
	for k := Session; k <= Once; k++ {
		if len(token) > 0 && token[0] == k.letter() {
			return k
		}
	}
	return 0
}
