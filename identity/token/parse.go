package token

import "strings"

// reader takes a canonical text apart, from left to right. Once something is not as it
// has to be, ok stays false.
type reader struct {
	rest string
	ok   bool
}

// parse reads what append writes, and nothing else: the same members in the same order,
// none twice, none unknown. false says that the text was not written here.
func parse(payload string) (c Claims, ok bool) {
	r := reader{payload, true}
	c.Issuer = r.text(`{"iss":"`)
	c.Audience = r.text(`,"aud":"`)
	c.Subject = r.text(`,"sub":"`)
	c.ClientID = r.text(`,"client_id":"`)
	c.SID = r.text(`,"sid":"`)
	c.Scope = r.text(`,"scope":"`)
	c.IssuedAt = r.number(`,"iat":`)
	notBefore := r.number(`,"nbf":`)
	c.ExpiresAt = r.number(`,"exp":`)
	c.ID = r.text(`,"jti":"`)
	if r.has(`,"auth_time":`) {
		c.AuthTime = r.number(`,"auth_time":`)
		r.ok = r.ok && c.AuthTime != 0 // it is left out then
	}
	if r.has(`,"acr":"`) {
		c.ACR = r.text(`,"acr":"`)
		r.ok = r.ok && c.ACR != ""
	}
	if r.has(`,"amr":["`) {
		c.AMR = r.list(`,"amr":["`)
	}
	if r.has(`,"cnf":{"jkt":"`) {
		c.JKT = r.text(`,"cnf":{"jkt":"`)
		r.skip(`}`)
		r.ok = r.ok && c.JKT != ""
	}
	if r.has(`,"gen":`) {
		c.Gen = uint64(r.number(`,"gen":`))
		r.ok = r.ok && c.Gen != 0
	}
	r.skip(`}`)
	return c, r.ok && r.rest == "" && notBefore == c.IssuedAt && c.check() == nil
}

func (r *reader) has(next string) bool { return strings.HasPrefix(r.rest, next) }

func (r *reader) skip(next string) {
	rest, found := strings.CutPrefix(r.rest, next)
	r.rest, r.ok = rest, r.ok && found
}

// text reads a string behind before, which ends with its opening quote, and its closing
// quote. What is in between is judged by check.
func (r *reader) text(before string) string {
	r.skip(before)
	value, rest, found := strings.Cut(r.rest, `"`)
	r.rest, r.ok = rest, r.ok && found
	return value
}

// list reads one or more strings; before ends with the first opening quote.
func (r *reader) list(before string) (out []string) {
	out = append(out, r.text(before))
	for r.ok && len(out) <= maxAMR && r.has(`,"`) {
		out = append(out, r.text(`,"`))
	}
	r.skip(`]`)
	return out
}

// number reads a whole number in its shortest form, at most 15 digits.
func (r *reader) number(before string) (n int64) {
	r.skip(before)
	digits := 0
	for digits < len(r.rest) && r.rest[digits] >= '0' && r.rest[digits] <= '9' && digits < 16 {
		n = n*10 + int64(r.rest[digits]-'0')
		digits++
	}
	if digits == 0 || digits > 15 || digits > 1 && r.rest[0] == '0' {
		r.ok = false
	}
	r.rest = r.rest[digits:]
	return n
}
