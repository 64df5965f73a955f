package scan

import "strings"

// secret finds the name of a secret that is set to a literal.
func (c *code) secret(a assignment) {
	t := &c.toks[a.value]
	if t.kind != str || t.dynamic || len(t.text) < 6 || a.end() > a.value+1 && c.toks[a.value+1].kind != str && !c.toks[a.value+1].is(")") {
		return
	}
	body := t.end - len(t.text) - 1
	if strings.HasSuffix(c.name, ".py") && t.end-t.at > len(t.text)+5 {
		body = t.end - len(t.text) - 3
	}
	if literalSecret(classify(a.name), t.text) {
		c.report(hit{rule: hardcoded, at: c.toks[a.at].at, mask: [2]int{body, body + len(t.text)}, label: a.name})
	} else if from, to, ok := urlPassword(t.text); ok {
		c.report(hit{rule: hardcoded, at: c.toks[a.at].at, mask: [2]int{body + from, body + to}, label: a.name})
	}
}

// lifetime judges a setting whose name speaks of the life of an access token.
func (c *code) lifetime(a assignment) {
	unit, ok := lifeUnit(a.name)
	if !ok {
		return
	}
	if c.isOff(a.value) && c.toks[a.value].kind == ident || c.at(a.value).is("None") {
		c.hit(tokenForever, a.at, a.name)
		return
	}
	if s, ok := c.seconds(a.value, a.end(), unit); ok && s > day {
		c.hit(tokenLong, a.at, a.name)
	}
}

// lifeUnit says what a bare number counts for a name that speaks of a token's life.
func lifeUnit(name string) (unit float64, ok bool) {
	if len(name) < len("jwtttl") {
		return 0, false
	}
	token, life := false, false
	unit = 1
	for _, w := range words(name) {
		switch w {
		case "token", "jwt", "access":
			token = true
		case "lifetime", "expire", "expires", "expiry", "expiration", "ttl":
			life = true
		case "minutes", "mins", "min", "minute":
			unit = 60
		case "hours", "hour":
			unit = 3600
		case "days", "day":
			unit = 86400
		case "ms", "millis", "milliseconds":
			unit = 0.001
		case "refresh", "reset", "verify", "verification", "confirm", "confirmation", "invite", "invitation", "email", "csrf", "remember", "activation", "cache", "at", "password", "unsubscribe", "key":
			return 0, false
		}
	}
	return unit, token && life
}

// weakCookie judges a setting whose name speaks of a cookie's protection.
func (c *code) weakCookie(a assignment) {
	up := strings.ToUpper(a.name)
	if up != a.name || !strings.Contains(up, "COOKIE") {
		return
	}
	switch {
	case strings.HasSuffix(up, "COOKIE_SECURE") && c.isOff(a.value),
		strings.HasSuffix(up, "COOKIE_HTTPONLY") && !strings.Contains(up, "CSRF") && c.isOff(a.value),
		strings.HasSuffix(up, "COOKIE_SAMESITE") && (c.isOff(a.value) || c.at(a.value).is("None") || c.at(a.value).kind == str && strings.EqualFold(c.at(a.value).text, "none")):
		if a.end() == a.value+1 {
			c.hit(cookieWeak, a.at, a.name)
		}
	}
}

// contains reports whether a string of the range equals one of the texts.
func (c *code) contains(from, to int, texts ...string) bool {
	for i := from; i < to && i < len(c.toks); i++ {
		for _, t := range texts {
			if c.toks[i].str(t) {
				return true
			}
		}
	}
	return false
}

// algNone finds alg: none, algorithm="none" and algorithms: ["none"].
func (c *code) algNone(a assignment) {
	if a.name != "alg" && a.name != "algorithm" && a.name != "algorithms" {
		return
	}
	for i := a.value; i < a.end(); i++ {
		if t := c.toks[i]; t.kind == str && strings.EqualFold(t.text, "none") {
			c.hit(jwtNone, a.at, "")
			return
		}
	}
	if a.name == "algorithm" && c.at(a.value).is("None") && c.at(a.at-1).is(",") && c.contains(a.at-20, a.at, "exp", "sub") {
		c.hit(jwtNone, a.at, "")
	}
}
