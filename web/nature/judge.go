package nature

import (
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Judge says what of markup the policy would not leave as it is, in words, or "" when
// it would remove nothing. Spelling does not count: quotes, character references, the
// order of attributes, a rel that a link is given.
func (p *Policy) Judge(markup string) string {
	if !strings.Contains(markup, "<") {
		return ""
	}
	if kind := FindMarkup(markup[strings.LastIndexByte(markup, '>')+1:]); kind != "" {
		return kind + " that is not closed" // tokenizers drop it, pages do not
	}
	want, have := tokens(markup), tokens(p.Sanitize(markup))
	for i, t := range want {
		if i >= len(have) || !kept(t, have[i]) {
			return fmt.Sprintf("%s that policy %s does not leave as it is", describe(t), p.name)
		}
	}
	if len(have) > len(want) {
		return fmt.Sprintf("an end that policy %s writes differently", p.name)
	}
	return ""
}

// tokens reads markup as the sanitizer does, with runs of text joined.
func tokens(markup string) []html.Token {
	var all []html.Token
	z := html.NewTokenizer(strings.NewReader(markup))
	for z.Next() != html.ErrorToken { // io.EOF: a string reader has no other fault
		t := z.Token()
		if n := len(all); n > 0 && t.Type == html.TextToken && all[n-1].Type == html.TextToken {
			all[n-1].Data += t.Data
			continue
		}
		all = append(all, t)
	}
	return all
}

// kept reports whether a token came through a sanitizer: the same token with the same
// attributes, and perhaps some that the sanitizer added.
func kept(in, out html.Token) bool {
	if in.Type != out.Type || in.Data != out.Data {
		return false
	}
	for _, a := range in.Attr {
		if a.Key != "rel" && !has(out.Attr, a) {
			return false
		}
	}
	return true
}

func has(all []html.Attribute, want html.Attribute) bool {
	for _, a := range all {
		if a.Key == want.Key && a.Namespace == want.Namespace {
			return a.Val == want.Val || a.Val == normalURL(want.Val)
		}
	}
	return false
}

// normalURL writes an address as the sanitizer does.
func normalURL(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil {
		return address
	}
	return u.String()
}

// describe names a token. Of the value it repeats nothing but a name of HTML's own.
func describe(t html.Token) string {
	switch {
	case t.Type == html.CommentToken:
		return "a comment"
	case t.Type == html.DoctypeToken:
		return "a declaration"
	case t.Type == html.TextToken:
		return "text"
	case element(t.Data) && !strings.Contains(t.Data, "-"):
		return "a tag " + t.Data
	}
	return "a tag"
}

// judgeMarkdown says what of the source a page could not show: markup that ugc would not
// leave. Autolinks (CommonMark, Section 6.5) are no markup.
func judgeMarkdown(source string, widest *Policy) string {
	if !strings.Contains(source, "<") {
		return ""
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(source, "<")
		b.WriteString(before)
		if !found {
			return widest.Judge(b.String())
		}
		if link, after, closed := strings.Cut(rest[:min(len(rest), 2048)], ">"); closed && autolink(link) {
			rest = rest[len(rest[:min(len(rest), 2048)])-len(after):]
		} else {
			b.WriteByte('<')
		}
		source = rest
	}
}

func autolink(link string) bool {
	return FilterURL(link) != "" && lastHandler(link) < 0 || mailbox(link)
}
