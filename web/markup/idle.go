package markup

import "bytes"

// plainly are the idle names that skipIdle does not stop at, Other among them.
const plainly Names = idle &^ (1<<Base | 1<<Body | 1<<Button | 1<<Head | 1<<HTML | 1<<Input | 1<<Meta)

// quick reports that skipIdle may be used here: no tag that it skips is wanted, nor
// changes anything.
func (s *Scanner) quick() bool { return !s.Ahead && s.Want&plainly == 0 && s.tree.calm() }

// skipIdle skips text and the whole tags of elements that mean nothing, which is nearly
// all of a page. It returns where the tokenizer is to go on: at a "<", or at the end.
// Whatever is not plain to see is the tokenizer's.
func skipIdle(src []byte, i int) int {
	for i < len(src) {
		if src[i] != '<' {
			j := bytes.IndexByte(src[i:], '<')
			if j < 0 {
				return len(src)
			}
			i += j
		}
		next := idleTag(src, i+1)
		if next < 0 {
			return i
		}
		i = next
	}
	return i
}

// idleTag returns what follows the tag whose "<" is before i, -1 if it has to be read.
func idleTag(src []byte, i int) int {
	end := i < len(src) && src[i] == '/'
	if end {
		i++
	}
	name := i
	for i < len(src) && alphanumeric(src[i]) {
		i++
	}
	if i == len(src) || i == name || stops(src[name], i-name) {
		return -1
	}
	if src[i] != '>' {
		if end || !endsName(src[i]) {
			return -1
		}
		if i = skim(src, i); i < len(src) && src[i] == '/' {
			i++
		}
		if i == len(src) || src[i] != '>' {
			return -1
		}
	}
	return i + 1
}

func alphanumeric(c byte) bool { return isAlpha(c) || c >= '0' && c <= '9' }

// stops reports whether a name that begins with c and has n bytes may be one that matters,
// or is none.
func stops(c byte, n int) bool {
	c |= 0x20
	return c < 'a' || c > 'z' || n < 32 && stopping[c-'a']&(1<<n) != 0
}

// stopping has, for each first letter, the lengths of the names outside plainly.
var stopping = [26]uint32{
	'b' - 'a': 1<<4 | 1<<6,        // base body; button
	'f' - 'a': 1<<4 | 1<<8,        // form; frameset
	'h' - 'a': 1 << 4,             // head html
	'i' - 'a': 1<<5 | 1<<6,        // input; iframe
	'm' - 'a': 1 << 4,             // math meta
	'n' - 'a': 1<<7 | 1<<8,        // noembed; noframes noscript
	'p' - 'a': 1 << 9,             // plaintext
	's' - 'a': 1<<3 | 1<<5 | 1<<6, // svg; style; script select
	't' - 'a': 1<<5 | 1<<8,        // title; template textarea
	'x' - 'a': 1 << 3,             // xmp
}
