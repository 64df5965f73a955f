package scan

import (
	"bytes"
	"strings"
)

// The groups of words that let a file be read further.
const (
	hasKey uint64 = 1 << iota
	hasRefresh
	hasEncoded
	hasPrivate
	// The rest is of languages: one word is enough for hasMisuse, and two that belong
	// together: none and an algorithm, a store of the browser and a word for a token, an
	// end and the present.
	hasMisuse
	hasNone
	hasAlgorithm
	hasStorage
	hasTokenWord
	hasExp
	hasNow
)

// mayMisuse reports whether a rule for a language can find something in a file with those words.
func mayMisuse(seen uint64) bool {
	both := func(x, y uint64) bool { return seen&(x|y) == x|y }
	return seen&hasMisuse != 0 || both(hasNone, hasAlgorithm) || both(hasStorage, hasTokenWord) || both(hasExp, hasNow)
}

// credentialWords are looked for in every file.
func credentialWords() []word {
	ws := []word{
		{text: "smk_", bit: hasKey}, {text: "smr_", bit: hasRefresh}, {text: "private key", bit: hasPrivate},
		{text: "putty-user-key", bit: hasPrivate}, {text: "age-secret-key", bit: hasPrivate}, {text: `"kty"`, bit: hasPrivate},
	}
	for _, f := range forms() {
		ws = append(ws, word{text: strings.ToLower(f.mark), bit: hasEncoded, exact: f.mark})
	}
	return ws
}

// percented reports whether a character of the prefix of a key or a refresh token stands
// percent-encoded in b.
func percented(b []byte) bool {
	for {
		n := bytes.IndexByte(b, '%')
		if n < 0 || n+2 >= len(b) {
			return false
		}
		b = b[n+1:]
		hi, lo := b[0], b[1]|0x20 // the case of letters; digits have the bit
		if hi == '7' && (lo == '2' || lo == '3') || hi == '6' && (lo == 'd' || lo == 'b') || hi == '5' && lo == 'f' {
			return true
		}
	}
}

// misuse makes words of texts, each of which is enough.
func misuse(test func(b []byte, from, to int) bool, texts ...string) []word {
	out := make([]word, 0, len(texts))
	for _, t := range texts {
		w := word{text: string(bytes.ToLower([]byte(t))), bit: hasMisuse, test: test}
		if w.text != t {
			w.exact = t
		}
		out = append(out, w)
	}
	return out
}

// codeWords are what Python and JavaScript have in common.
func codeWords() []word {
	ws := misuse(secretFollows, "pass", "pwd", "secret", "pepper", "token", "key")
	ws = append(ws, misuse(passwordFollows, "://")...)
	ws = append(ws, misuse(lifeOfToken, "lifetime", "expir", "ttl")...)
	return append(ws, word{text: "none", bit: hasNone, test: quoted}, word{text: "alg", bit: hasAlgorithm, test: algorithmName})
}

func pythonWords() []word {
	ws := codeWords()
	ws = append(ws, misuse(nil, "MIDDLEWARE", "CORS", "check_hostname", "COOKIE_SECURE", "COOKIE_HTTPONLY", "COOKIE_SAMESITE", "WTF_CSRF", "ALLOWED_HOSTS",
		"csrf_exempt", ".exempt", "get_unverified_claims", "CERT_NONE", "_create_unverified_context", "set_cookie", "SessionMiddleware")...)
	ws = append(ws, misuse(opens, "mark_safe", "SafeString", "SafeText", "Markup")...)
	ws = append(ws, misuse(jwtCall, "jwt")...)
	ws = append(ws, misuse(off, "verify", "autoescape", "algorithm")...)
	ws = append(ws, word{text: "exp", bit: hasExp, test: quoted}, word{text: "timedelta", bit: hasNow, test: opens})
	return append(ws, append(misuse(on, "DEBUG"), misuse(on, "debug")...)...)
}

func scriptWords() []word {
	ws := codeWords()
	ws = append(ws, misuse(nil, "insertAdjacentHTML", "dangerouslySetInnerHTML", "expiresIn", "rejectUnauthorized", "NODE_TLS_REJECT")...)
	ws = append(ws, misuse(assigned, "innerHTML", "outerHTML")...)
	ws = append(ws, misuse(opens, "cors")...)
	ws = append(ws, misuse(jwtCall, "jwt", "jsonwebtoken")...)
	ws = append(ws, misuse(off, "httpOnly", "secure", "algorithm")...)
	for _, t := range []string{"token", "jwt", "bearer", "apikey", "api_key", "api-key", "credential", "password", "secret"} {
		ws = append(ws, word{text: t, bit: hasTokenWord})
	}
	return append(ws, word{text: "localstorage", bit: hasStorage, exact: "localStorage"}, word{text: "sessionstorage", bit: hasStorage, exact: "sessionStorage"})
}

// templateWords are for pages: what stands in their tags, and their scripts.
func templateWords() []word {
	return append(scriptWords(), misuse(nil, "safe", "autoescape", "v-html")...)
}

func goWords() []word {
	ws := misuse(goSecretFollows, "pass", "pwd", "secret", "pepper", "token", "key")
	ws = append(ws, misuse(nil, "InsecureSkipVerify", "HttpOnly", "ParseUnverified", "SigningMethodNone", "UnsafeAllowNoneSignatureType", "MapClaims", "RegisteredClaims", "StandardClaims", "AllowCredentials", `"html/template"`)...)
	ws = append(ws, misuse(goLifeOfToken, "ttl", "life", "expir", "duration", "maxage", "validity")...)
	return append(ws, word{text: "exp", bit: hasExp, test: wholeName}, word{text: "expiresat", bit: hasExp}, word{text: "now", bit: hasNow, exact: "Now", test: opens})
}

// settingWords are for settings, whose names have any case.
func settingWords() []word {
	return misuse(nil, "pass", "pwd", "secret", "pepper", "token", "key", "://", "cookie", "tls_reject", "httpsverify", "wtf_csrf", "debug", "allowed_hosts", "lifetime", "expir", "ttl")
}
