package detect

import "github.com/sanmon-gate/sanmon/web/markup"

// contextOf names the place of a mark.
func contextOf(m mark) Context {
	switch m.context {
	case markup.Text:
		return InText
	case markup.TagStart, markup.Attributes:
		return InTag
	case markup.Unquoted, markup.Quoted:
		switch {
		case m.handler:
			return InHandler
		case m.url:
			return InURL
		case m.context == markup.Unquoted:
			return InUnquoted
		}
		return InAttribute
	case markup.ScriptText:
		return InScript
	case markup.RCDATA, markup.RawText:
		return InRawText
	case markup.Comment:
		return InComment
	}
	return InOther
}
