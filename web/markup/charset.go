package markup

import (
	"bytes"
	"strings"
)

// charset is what is known of how a page's characters are written.
type charset uint8

const (
	undeclared charset = iota
	compatible         // every byte below 0x80 that can matter is ASCII
	unicode8           // UTF-8
	incompatible
)

// compatibles begin the labels of the encodings (WHATWG Encoding, Section 4.2) in which no
// byte of another character is "<", ">", a quote or a letter at which a tag could begin or
// end. Those that are missing, UTF-16, ISO-2022-JP and "replacement", are left alone.
const compatibles = ` ascii us-ascii ansi_x3.4-1968 latin1 l1 l2 l5 l9 windows-125 windows-874 cp125 x-cp125 cp819
	iso-8859- iso8859- iso_8859- iso88591 dos-874 tis-620 macintosh mac x-mac- koi8 koi ibm866 cp866 866
	gbk gb2312 gb_2312 gb18030 chinese x-gbk big5 cn-big5 x-x-big5 euc-jp x-euc-jp shift_jis shift-jis sjis x-sjis
	windows-31j ms_kanji ms932 euc-kr korean ks_c_5601 ksc5601 windows-949 x-user-defined arabic cyrillic greek hebrew `

// charsetOf judges a label.
func charsetOf(label string) charset {
	label = strings.ToLower(strings.Trim(label, " \t\r\n\f\"'"))
	switch label {
	case "":
		return undeclared
	case "utf-8", "utf8", "unicode-1-1-utf-8", "x-unicode20utf8", "unicode11utf8", "unicode20utf8":
		return unicode8
	}
	for known := range strings.FieldsSeq(compatibles) {
		if label == known || known[len(known)-1] == '-' && strings.HasPrefix(label, known) {
			return compatible
		}
	}
	for _, family := range [...]string{"windows-125", "cp125", "x-cp125", "koi8", "ks_c_5601"} {
		if strings.HasPrefix(label, family) {
			return compatible
		}
	}
	return incompatible
}

// byMark reads a byte order mark, which overrules every declaration (WHATWG Encoding,
// Section 6). size is how many bytes of b it takes.
func byMark(b []byte) (c charset, size int) {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return unicode8, 3
	case bytes.HasPrefix(b, []byte("\xfe\xff")), bytes.HasPrefix(b, []byte("\xff\xfe")):
		return incompatible, 2
	}
	return undeclared, 0
}

// byMeta reads what a meta element declares (WHATWG HTML, Section 13.2.3.2). There UTF-16
// means UTF-8, for the element could not have been read otherwise.
func byMeta(attrs []byte) charset {
	label, ok := Attribute(attrs, "charset")
	if !ok {
		if v, _ := Attribute(attrs, "http-equiv"); !hasFold(v, "content-type") {
			return undeclared
		}
		content, _ := Attribute(attrs, "content")
		label = contentCharset(content)
	}
	if c := charsetOf(string(label)); c != incompatible || !bytes.HasPrefix(bytes.ToLower(label), []byte("utf-16")) {
		return c
	}
	return unicode8
}

// contentCharset finds the charset in the content of a meta element.
func contentCharset(v []byte) []byte {
	low := bytes.ToLower(v)
	at := bytes.Index(low, []byte("charset"))
	if at < 0 {
		return nil
	}
	rest := bytes.TrimLeft(v[at+len("charset"):], " \t\r\n\f")
	if len(rest) == 0 || rest[0] != '=' {
		return nil
	}
	rest = bytes.TrimLeft(rest[1:], " \t\r\n\f")
	if end := bytes.IndexAny(rest, "; \t\r\n\f"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}
