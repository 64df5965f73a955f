package headers

import (
	"fmt"
	"slices"

	"github.com/sanmon-gate/sanmon/exchange"
)

const (
	openerName   = "Cross-Origin-Opener-Policy"
	resourceName = "Cross-Origin-Resource-Policy"
)

// Openers are the values of Cross-Origin-Opener-Policy (HTML, Section 7.1.3), the weakest
// first. They are tokens of a structured field, so in lower case only.
func Openers() []string {
	return []string{"unsafe-none", "same-origin-allow-popups", "noopener-allow-popups", "same-origin"}
}

// Resources are the values of Cross-Origin-Resource-Policy (Fetch, Section 3.6), the
// weakest first, in lower case only.
func Resources() []string { return []string{"cross-origin", "same-site", "same-origin"} }

// isolation is the floor of one of the two: what stands at least.
type isolation struct {
	value  string
	strict rank // 0 for values that are weaker
}

func newIsolation(name, value string, weakestFirst []string) (isolation, error) {
	i := slices.Index(weakestFirst, value)
	if i < 0 {
		return isolation{}, fmt.Errorf("floor: %s %q is not known (write one of %q)", name, value, weakestFirst)
	}
	least := weakestFirst[i:]
	return isolation{value, func(v string) int { return exact(v, least...) }}, nil
}

func (f *Floor) isolate(o FloorOptions) (err error) {
	opener, resource := o.Opener, o.Resource
	if opener == "" {
		opener = "same-origin-allow-popups"
	}
	if resource == "" { // any choice of the backend's stands, for it must be embeddable where it says so
		all := Resources()
		f.resource = isolation{"same-origin", func(v string) int { return exact(v, all...) }}
	} else if f.resource, err = newIsolation(resourceName, resource, Resources()); err != nil {
		return err
	}
	f.everything = resource != ""
	f.opener, err = newIsolation(openerName, opener, Openers())
	return err
}

// embedded says who may load the answer into a page.
func (f *Floor) embedded(res exchange.Fields, buf []Edit) []Edit {
	return one(buf, res, resourceName, f.resource.value, f.resource.strict)
}
