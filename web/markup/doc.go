// Package markup reads HTML while it passes and gives the forms of pages their CSRF token.
//
// A Scanner is pushed the bytes of a page in pieces of any size and says where tags are,
// as the tokenizer of WHATWG HTML, Section 13.2.5 does. It holds nothing back, keeps no
// more than the attributes of one tag, and allocates nothing for tags that nobody asked
// for. What the tokenizer does depends on the tree that is being built (CDATA sections,
// elements that a select or a frameset drops, markup inside SVG): the Scanner follows as
// much of the tree as it needs, and where that is not enough to be certain it gives up and
// says why. It never guesses.
//
// An Injector is an exchange.Filter over a Scanner. It changes no byte of the page; it
// adds a hidden field behind the start tags of forms that post to us, and one script at
// the beginning of the head. What it adds is inert where it would be misread: it has no
// quote, no "-", no "&", no line break.
package markup
