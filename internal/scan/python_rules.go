package scan

import (
	"strings"
	"sync"
)

// readPython runs the rules for Python: Django, Flask, FastAPI, PyJWT, requests.
func readPython(name string, b []byte, report func(hit)) {
	l := newLexer(string(b))
	defer l.free()
	c := &code{toks: l.python(), name: name, report: report}
	c.pythonSettings()
	c.pythonCalls()
}

// pythonSettings looks at names that are set to something.
func (c *code) pythonSettings() {
	blocks := sync.OnceValue(c.developmentBlocks) // few files ask
	settings, dev := isSettings(c.name), isDevelopment(c.name)
	corsAll, corsCredentials := -1, false
	c.each(func(a assignment) {
		c.secret(a)
		c.algNone(a)
		c.lifetime(a)
		switch {
		case a.name == "MIDDLEWARE" || a.name == "MIDDLEWARE_CLASSES":
			c.middleware(a)
		case a.name == "CORS_ALLOW_CREDENTIALS" && c.isOn(a.value):
			corsCredentials = true
		case a.name == "verify" && c.isOff(a.value) && a.end() == a.value+1 && c.at(a.at-1).kind == op && c.httpCall(a.at):
			c.hit(tlsOff, a.at, "verify=False")
		case a.name == "check_hostname" && c.isOff(a.value) && (c.at(a.at-1).is(".") || c.at(a.at-1).is(",")):
			c.hit(tlsOff, a.at, "check_hostname = False")
		case a.name == "autoescape" && c.isOff(a.value) && a.end() == a.value+1:
			c.hit(autoescapeOff, a.at, "")
		case a.name == "exp" && c.toks[a.at].kind == str:
			c.expiry(a)
		}
		if dev || !mayBeSetting(a.name) || blocks()(a.at) {
			return
		}
		c.weakCookie(a)
		switch {
		case a.name == "WTF_CSRF_ENABLED" || a.name == "WTF_CSRF_CHECK_DEFAULT":
			if c.isOff(a.value) && a.end() == a.value+1 {
				c.hit(csrfDisabled, a.at, a.name)
			}
		case a.name == "DEBUG" && settings && c.isOn(a.value) && a.end() == a.value+1 && c.toks[a.at].kind == ident:
			c.hit(debugOn, a.at, "")
		case a.name == "ALLOWED_HOSTS" && a.end() == a.value+3 && c.at(a.value+1).str("*"):
			c.hit(hostsAny, a.at, "")
		case (a.name == "CORS_ALLOW_ALL_ORIGINS" || a.name == "CORS_ORIGIN_ALLOW_ALL") && c.isOn(a.value):
			corsAll = a.at
		}
	})
	if corsAll >= 0 && corsCredentials {
		c.hit(corsAny, corsAll, "")
	}
}

// mayBeSetting tells names that a rule for settings judges: they are in upper case.
func mayBeSetting(name string) bool { return len(name) > 4 && strings.ToUpper(name) == name }

// isSettings tells files that hold the settings of an application.
func isSettings(name string) bool {
	low := strings.ToLower(name)
	return strings.Contains(low, "settings") || strings.Contains(low, "config") || isFor(low[strings.LastIndexByte(low, '/')+1:], "prod", "production", "base", "app", "main", "wsgi")
}

// developmentBlocks returns a test for tokens that stand in a class for tests or
// development, or behind "if DEBUG".
func (c *code) developmentBlocks() func(i int) bool {
	type block struct{ from, to int }
	var found []block
	for i, t := range c.toks {
		if !t.fresh || !t.is("class") && !t.is("if") && !t.is("elif") {
			continue
		}
		dev, j := false, i+1
		for ; j < len(c.toks) && c.toks[j].kind != line; j++ {
			for _, w := range words(c.toks[j].text) {
				dev = dev || w == "test" || w == "testing" || w == "tests" || w == "dev" || w == "development" || w == "develop" || w == "local" || w == "debug"
			}
			if c.toks[j].is("not") {
				dev = false
				break
			}
		}
		if !dev {
			continue
		}
		end := j
		for ; end < len(c.toks) && (!c.toks[end].fresh || c.toks[end].indent > t.indent); end++ {
		}
		found = append(found, block{i, end})
	}
	return func(i int) bool {
		for _, b := range found {
			if b.from < i && i < b.to {
				return true
			}
		}
		return false
	}
}

// middleware judges Django's list of middleware.
func (c *code) middleware(a assignment) {
	if !c.at(a.value).is("[") && !c.at(a.value).is("(") {
		return
	}
	django := false
	for i := a.value; i < a.end(); i++ {
		t := c.toks[i]
		if t.kind != str {
			if t.kind == ident || t.is("*") {
				return // put together from parts
			}
			continue
		}
		if strings.Contains(t.text, "Csrf") {
			return
		}
		django = django || strings.HasPrefix(t.text, "django.")
	}
	if django {
		c.hit(csrfMiddleware, a.at, "")
	}
}

// httpCall reports whether the keyword at i is an argument of a call of an HTTP client.
func (c *code) httpCall(i int) bool {
	depth := 0
	for n := 0; i >= 0 && n < 400; i, n = i-1, n+1 {
		switch t := c.toks[i]; {
		case t.is(")") || t.is("]") || t.is("}"):
			depth++
		case t.is("(") || t.is("[") || t.is("{"):
			if depth--; depth < 0 {
				switch c.at(i - 1).text {
				case "get", "post", "put", "patch", "delete", "head", "options", "request", "send", "stream", "Client", "AsyncClient", "Session", "urlopen", "HTTPTransport", "AsyncHTTPTransport":
					return true
				}
				return false
			}
		case t.is(".") && depth == 0 && n == 1:
			return true // session.verify = False
		}
	}
	return false
}

// expiry judges the claim exp by the timedelta in it.
func (c *code) expiry(a assignment) {
	for i := a.value; i < a.end(); i++ {
		if c.toks[i].is("timedelta") && c.at(i+1).is("(") {
			if s, ok := c.timedelta(i + 1); ok && s > day && !c.refreshNear(a.at) {
				c.hit(tokenLong, a.at, "exp")
			}
		}
	}
}

// refreshNear reports whether the code around speaks of a refresh token.
func (c *code) refreshNear(i int) bool {
	for j := max(0, i-60); j < min(len(c.toks), i+30); j++ {
		if strings.Contains(strings.ToLower(c.toks[j].text), "refresh") {
			return true
		}
	}
	return false
}

// pythonCalls looks at what is called or decorated.
func (c *code) pythonCalls() {
	authlib := false
	for i, t := range c.toks {
		if t.kind != ident {
			continue
		}
		before, next := c.at(i-1), c.at(i+1)
		if before.is("def") || before.is("class") || before.is("import") {
			authlib = authlib || t.text == "authlib"
			continue
		}
		if before.is("from") && t.text == "authlib" {
			authlib = true
		}
		switch t.text {
		case "csrf_exempt":
			if before.is("@") || next.is("(") || before.is("(") && c.at(i-2).is("method_decorator") || before.is("@") || before.is(".") && c.at(i-3).is("@") {
				c.hit(csrfExempt, i, "")
			}
		case "exempt":
			if before.is(".") && strings.Contains(c.at(i-2).text, "csrf") && (c.at(i-3).is("@") || next.is("(")) {
				c.hit(csrfExempt, i-2, "")
			}
		case "mark_safe", "SafeString", "SafeText":
			c.trusts(markSafe, i)
		case "Markup":
			c.trusts(markup, i)
		case "decode", "encode":
			if before.is(".") && (c.at(i-2).is("jwt") || c.at(i-2).is("pyjwt")) && next.is("(") && !authlib {
				c.pyJWT(i)
			}
		case "get_unverified_claims":
			if next.is("(") {
				c.hit(jwtUnverified, i, "")
			}
		case "CERT_NONE":
			if before.is(".") && (c.at(i-3).is("=") || c.at(i-3).is("(") || c.at(i-3).is(",")) && !c.at(i-3).is("==") {
				c.hit(tlsOff, i-2, "CERT_NONE")
			}
		case "_create_unverified_context":
			c.hit(tlsOff, i, t.text)
		case "CORSMiddleware", "CORS":
			c.pyCORS(i)
		case "set_cookie", "SessionMiddleware":
			c.pyCookie(i)
		case "run", "FastAPI", "Flask":
			if next.is("(") && (t.text != "run" || strings.HasSuffix(c.at(i-2).text, "app")) && !isDevelopment(c.name) {
				if v, ok := c.keyword(i+1, c.close(i+1), "debug"); ok && c.isOn(v) && c.close(i+1) <= v+40 {
					c.hit(debugOn, v-2, "")
				}
			}
		case "remove":
			if c.at(i-2).is("MIDDLEWARE") && strings.Contains(c.at(i+2).text, "Csrf") {
				c.hit(csrfMiddleware, i-2, "")
			}
		}
	}
}

// trusts reports a call that declares a value safe, unless the value is constant or cleaned.
func (c *code) trusts(rule string, i int) {
	open := i + 1
	if !c.at(open).is("(") || c.close(open) == open+1 {
		return
	}
	arg := open + 1
	for c.at(arg).kind == line {
		arg++
	}
	end := c.end(arg)
	if !c.constant(arg, end) && !c.cleaned(arg, end) {
		c.hit(rule, i, "")
	}
}

// pyJWT judges jwt.decode and jwt.encode of PyJWT and python-jose.
func (c *code) pyJWT(i int) {
	open := i + 1
	end, args := c.close(open), c.arguments(open)
	if c.toks[i].text == "encode" {
		c.pyEncode(i, args)
		return
	}
	for _, name := range []string{"verify", "verify_signature", "verify_exp"} {
		if v, ok := c.keyword(open, end, name); ok && c.isOff(v) {
			c.hit(jwtUnverified, i, "")
			return
		}
	}
	if len(args) < 3 && len(args) > 0 {
		for _, a := range args {
			if c.toks[a].is("*") || c.toks[a].is("**") {
				return
			}
		}
		if _, ok := c.keyword(open, end, "algorithms"); !ok {
			c.hit(jwtAlgorithms, i, "")
		}
	} else if len(args) >= 3 {
		if _, ok := c.keyword(open, end, "algorithms"); !ok && c.at(args[2]+1).is("=") {
			c.hit(jwtAlgorithms, i, "")
		}
	}
}

// pyEncode finds claims without exp, when they are written where they are signed.
func (c *code) pyEncode(i int, args []int) {
	if len(args) == 0 || !c.at(args[0]).is("{") {
		return
	}
	end := c.close(args[0])
	for j := args[0]; j < end; j++ {
		if t := c.toks[j]; t.str("exp") || t.is("**") || t.is("*") {
			return
		}
	}
	c.hit(tokenForever, i, "")
}

// pyCORS judges add_middleware(CORSMiddleware, …) of Starlette and CORS(app, …) of Flask-CORS.
func (c *code) pyCORS(i int) {
	open, flask := i+1, c.toks[i].text == "CORS"
	if !flask {
		for open = i; open > i-4 && open >= 0 && !c.at(open).is("("); open-- {
		}
		if c.at(i + 1).is("(") {
			open = i + 1
		}
	}
	if !c.at(open).is("(") {
		return
	}
	end := c.close(open)
	names := [2]string{"allow_origins", "allow_credentials"}
	if flask {
		names = [2]string{"origins", "supports_credentials"}
	}
	v, ok := c.keyword(open, end, names[1])
	if !ok || !c.isOn(v) {
		return
	}
	o, ok := c.keyword(open, end, names[0])
	r, hasRegex := c.keyword(open, end, "allow_origin_regex")
	if ok && c.contains(o, c.end(o), "*") || !ok && flask || hasRegex && c.contains(r, c.end(r), ".*", "^.*$", "https?://.*") {
		c.hit(corsAny, i, "")
	}
}

// pyCookie judges set_cookie(…) and SessionMiddleware.
func (c *code) pyCookie(i int) {
	open := i + 1
	if c.at(open).is(",") && c.toks[i].text == "SessionMiddleware" {
		for open = i; open > i-4 && open > 0 && !c.at(open).is("("); open-- {
		}
	}
	if !c.at(open).is("(") {
		return
	}
	for _, arg := range c.arguments(open) {
		name, v := c.toks[arg].text, arg+2
		if !c.at(arg+1).is("=") || c.end(arg) != v+1 {
			continue
		}
		switch name {
		case "httponly", "secure", "https_only":
			if c.isOff(v) && (name != "https_only" || c.toks[i].text == "SessionMiddleware") {
				c.hit(cookieWeak, arg, name+"=False")
			}
		case "samesite", "same_site":
			if strings.EqualFold(c.at(v).text, "none") && c.at(v).kind == str {
				c.hit(cookieWeak, arg, name+"=none")
			}
		}
	}
}
