package scan

// readScript runs the rules for JavaScript and TypeScript. base is where the script begins
// in the file, for scripts in pages.
func readScript(name string, b []byte, base int, report func(hit)) {
	l := newLexer(string(b))
	defer l.free()
	c := &code{toks: l.javascript(), name: name, script: true, report: func(h hit) {
		h.at += base
		if h.mask[1] > 0 {
			h.mask[0], h.mask[1] = h.mask[0]+base, h.mask[1]+base
		}
		report(h)
	}}
	c.each(func(a assignment) {
		c.secret(a)
		c.algNone(a)
		c.lifetime(a)
		switch a.name {
		case "expiresIn":
			if s, ok := c.seconds(a.value, a.end(), 1); ok && s > day && !c.refreshNear(a.at) {
				c.hit(tokenLong, a.at, a.name)
			}
		case "rejectUnauthorized":
			if c.isOff(a.value) {
				c.hit(tlsOff, a.at, "rejectUnauthorized: false")
			}
		case "NODE_TLS_REJECT_UNAUTHORIZED":
			if t := c.at(a.value); t.text == "0" {
				c.hit(tlsOff, a.at, a.name)
			}
		case "httpOnly":
			if c.isOff(a.value) {
				c.hit(cookieWeak, a.at, "httpOnly: false")
			}
		case "cookie":
			if v, ok := c.keyword(a.value, a.end(), "secure"); ok && c.isOff(v) && c.at(a.value).is("{") {
				c.hit(cookieWeak, v-2, "secure: false")
			}
		}
	})
	c.scriptCalls()
}

func (c *code) scriptCalls() {
	verifies := false
	for _, t := range c.toks {
		verifies = verifies || t.kind == ident && (t.text == "verify" || t.text == "jwtVerify")
	}
	for i, t := range c.toks {
		if t.kind != ident {
			continue
		}
		next := c.at(i + 1)
		switch t.text {
		case "localStorage", "sessionStorage":
			c.storage(i)
		case "innerHTML", "outerHTML":
			if c.at(i-1).is(".") && (next.is("=") || next.is("+=")) {
				c.assigned(innerHTML, i, i+2)
			}
		case "insertAdjacentHTML":
			if args := c.arguments(i + 1); next.is("(") && len(args) == 2 {
				c.assigned(innerHTML, i, args[1])
			}
		case "dangerouslySetInnerHTML":
			c.dangerous(i)
		case "decode":
			if c.at(i-1).is(".") && (c.at(i-2).is("jwt") || c.at(i-2).is("jsonwebtoken")) && next.is("(") && !verifies {
				c.hit(jwtUnverified, i-2, "")
			}
		case "sign":
			if c.at(i-1).is(".") && (c.at(i-2).is("jwt") || c.at(i-2).is("jsonwebtoken")) && next.is("(") {
				c.signs(i)
			}
		case "cors":
			if next.is("(") {
				c.scriptCORS(i)
			}
		}
	}
}

// storage judges what is kept in the browser by the name that it is kept under.
func (c *code) storage(i int) {
	switch {
	case c.at(i+1).is(".") && c.at(i+2).is("setItem") && c.at(i+3).is("("):
		args := c.arguments(i + 3)
		if len(args) > 0 && c.speaksOfToken(args[0], c.end(args[0])) || len(args) > 1 && c.speaksOfToken(args[1], c.end(args[1])) {
			c.hit(webStorage, i, "")
		}
	case c.at(i+1).is(".") && c.at(i+3).is("="), c.at(i+1).is("[") && c.at(i+3).is("]") && c.at(i+4).is("="):
		if c.speaksOfToken(i+2, i+3) {
			c.hit(webStorage, i, "")
		}
	}
}

func (c *code) speaksOfToken(from, to int) bool {
	found := false
	for i := from; i < to; i++ {
		t := c.toks[i]
		if t.kind != ident && t.kind != str || len(t.text) > 120 {
			continue
		}
		for _, w := range words(t.text) {
			switch w {
			case "token", "tokens", "jwt", "bearer", "apikey", "credential", "credentials", "password", "secret":
				found = true
			case "csrf", "xsrf":
				return false
			}
		}
	}
	return found
}

// assigned reports a value of markup that is neither constant nor cleaned.
func (c *code) assigned(rule string, i, v int) {
	for c.at(v).kind == line {
		v++
	}
	end := v
	if v < len(c.toks) {
		end = c.end(v)
	}
	if !c.constant(v, end) && !c.cleaned(v, end) {
		c.hit(rule, i, "")
	}
}

func (c *code) dangerous(i int) {
	next := c.at(i + 1)
	if !next.is("=") && !next.is(":") {
		return
	}
	from, to := i+2, c.end(i+2)
	if c.at(from).is("{") {
		to = c.close(from)
	}
	v, ok := c.keyword(from, to, "__html")
	switch {
	case ok && (c.at(v).is("string") || c.at(v).is("any")): // a type
	case ok:
		c.assigned(dangerousHTML, i, v)
	case !c.cleaned(from+1, to):
		c.hit(dangerousHTML, i, "")
	}
}

// signs finds tokens without an end: claims that are written out and have no exp, and no
// expiresIn beside them.
func (c *code) signs(i int) {
	open := i + 1
	end, args := c.close(open), c.arguments(open)
	if len(args) < 2 || len(args) == 3 && !c.at(args[2]).is("{") || len(args) > 3 {
		return
	}
	if !c.at(args[0]).is("{") && len(args) == 2 || c.at(args[0]).is("{") {
		for j := open; j < end; j++ {
			if t := c.toks[j]; t.text == "exp" || t.text == "expiresIn" || t.is("...") || t.is(".") && c.at(j+1).is(".") {
				return
			}
		}
		if c.at(args[0]).is("{") {
			c.hit(tokenForever, i-2, "")
		}
	}
}

func (c *code) scriptCORS(i int) {
	open := i + 1
	end := c.close(open)
	v, ok := c.keyword(open, end, "credentials")
	if !ok || !c.isOn(v) {
		return
	}
	if o, ok := c.keyword(open, end, "origin"); ok && (c.isOn(o) || c.at(o).str("*")) {
		c.hit(corsAny, i, "")
	}
}
