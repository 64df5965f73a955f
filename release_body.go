package sanmon

import (
	"strconv"
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/content"
)

// Ahead reports whether Release must see more of a body than head, which has come so far.
// It asks for little: all of a small body, so that its length stays right, and never for
// the beginning of one that streams, except where a charset hangs on it.
func (g *Gate) Ahead(p *Passage, status int, header map[string][]string, head []byte) bool {
	switch content.Classify(p.Request.Method, status, exchange.Header(header)) {
	case content.Harden:
		return small(header)
	case content.Judge:
		if g.withholds(p) {
			return true
		}
		if small(header) {
			return content.Wants(header["Content-Type"][0], head)
		}
		return len(head) == 0 && !content.Charted(header["Content-Type"][0])
	}
	return zipped(header) && small(header) && content.Decoded(p.Request.Method, status, exchange.Header(header)) == content.Judge
}

// zipped reports whether a body is in gzip, which is what frameworks compress with.
func zipped(header map[string][]string) bool {
	c := header["Content-Encoding"]
	return len(c) == 1 && strings.EqualFold(c[0], "gzip")
}

// small reports whether a body says that it is small enough to be seen as a whole.
func small(header map[string][]string) bool {
	l := header["Content-Length"]
	if len(l) != 1 {
		return false
	}
	n, err := strconv.ParseUint(l[0], 10, 64)
	return err == nil && n <= content.Window
}

// settle sets the Content-Type that the body has in truth, as far as that can be seen, and
// returns it.
func (g *Gate) settle(p *Passage, status int, header map[string][]string, head []byte, whole bool) string {
	types := header["Content-Type"]
	if len(types) == 0 {
		if l := header["Content-Length"]; status >= 200 && status != 204 && status != 304 && (len(l) == 0 || l[0] != "0") {
			p.Findings = append(p.Findings, content.TypeMissing)
		}
		return ""
	}
	if len(head) == 0 || content.Decoded(p.Request.Method, status, exchange.Header(header)) != content.Judge {
		return types[0]
	}
	settled, finding := types[0], content.Finding("")
	switch {
	case !content.Coded(exchange.Header(header)):
		settled, finding = content.Settle(types[0], head, whole)
	case whole && zipped(header):
		settled, finding = g.gunzip.Settle(types[0], head)
	}
	if finding != "" {
		p.Findings = append(p.Findings, finding)
		header["Content-Type"] = []string{settled}
	}
	return settled
}

// harden adds to what happens to a body that JSON leaves as data only, whoever reads it.
func (g *Gate) harden(p *Passage, status int, header map[string][]string, head []byte, whole bool, c Content) Content {
	switch content.Classify(p.Request.Method, status, exchange.Header(header)) {
	case content.Harden:
		if whole && content.Harmless(head) {
			return c
		}
		altered(header)
		c.Filter = chain(&content.Escaper{Found: p.found}, c.Filter)
	case content.Judge:
		if len(head) == 0 && !whole { // else settle has judged
			c.Filter = chain(&content.Witness{Found: p.found}, c.Filter)
		}
		return g.reflected(p, head, c)
	default:
		return g.recode(p, status, header, c)
	}
	return c
}

// recode hardens JSON that the backend has compressed: its coding is undone, and one put
// on again where the client takes gzip.
func (g *Gate) recode(p *Passage, status int, header map[string][]string, c Content) Content {
	if content.Decoded("GET", status, exchange.Header(header)) != content.Harden {
		return c
	}
	coding, known := codingOf(header)
	switch {
	case !known:
		p.found(content.JSONCoded)
		return c
	case p.Request.Method == "HEAD":
		altered(header) // the length of what GET would bring is not known
		return c
	}
	altered(header)
	delete(header, "Content-Encoding")
	c.Coding, c.Filter = coding, &content.Escaper{Found: p.found}
	if coding == "gzip" || takesGzip(p.Request.Fields) {
		c.Recode = "gzip"
		header["Content-Encoding"] = []string{"gzip"}
	}
	return c
}

// takesGzip reports whether a client names gzip without refusing it (RFC 9110, Section
// 12.5.3).
func takesGzip(f exchange.Fields) bool {
	for _, line := range f.Values("Accept-Encoding") {
		for item := range strings.SplitSeq(line, ",") {
			name, weight, _ := strings.Cut(item, ";")
			_, q, weighed := strings.Cut(weight, "=")
			if strings.EqualFold(strings.Trim(name, " \t"), "gzip") {
				return !weighed || strings.Trim(q, "0. \t") != ""
			}
		}
	}
	return false
}

func (p *Passage) found(f content.Finding) { p.Findings = append(p.Findings, f) }

func altered(header map[string][]string) {
	content.Altered(header)
	delete(header, "Content-Length")
}

// chain returns the filters one after another; next may be nil.
func chain(first, next exchange.Filter) exchange.Filter {
	if next == nil {
		return first
	}
	return exchange.NewChain(first, next)
}
