package limit

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxOwn is how many limits of units one credential may carry; beside them it may carry one
// of concurrency.
const MaxOwn = 3

// Own are the limits that a credential carries itself. Immutable.
type Own struct {
	Units  []*Policy // rates and quotas
	Places *Policy   // of concurrency; nil: none
	text   string
}

// ParseOwn reads a list with commas between: rates ("10/m"), quotas of a calendar day or
// month ("quota:10000/d", "quota:200000/month") and how many may be under way at once
// ("concurrency:4"). The policies are named "key", "key-quota" and "key-concurrency", a
// second of a kind "key-2". Every mistake is reported at once. "" gives nil.
func ParseOwn(s string) (*Own, error) {
	if s == "" {
		return nil, nil
	}
	o := &Own{text: s}
	var errs []error
	var seen []string
	for item := range strings.SplitSeq(s, ",") {
		if slices.Contains(seen, item) {
			errs = append(errs, fmt.Errorf("limit %q stands there twice (remove one)", item))
		}
		seen = append(seen, item)
		errs = append(errs, o.add(item))
	}
	if len(o.Units) > MaxOwn {
		errs = append(errs, fmt.Errorf("%d rates and quotas are too many (at most %d)", len(o.Units), MaxOwn))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *Own) add(item string) error {
	kind, value, named := strings.Cut(item, ":")
	switch {
	case !named:
		r, err := Parse(item)
		return o.unit("key", func(name string) (*Policy, error) { return NewPolicy(name, r) }, err)
	case kind == "quota":
		q, err := ParseQuota(value)
		return o.unit("key-quota", func(name string) (*Policy, error) { return NewQuota(name, q) }, err)
	case kind == "concurrency" && o.Places != nil:
		return errors.New("a second concurrency is of no use (keep the smaller one)")
	case kind == "concurrency":
		n, err := strconv.Atoi(value)
		if err != nil || strings.Trim(value, "0123456789") != "" || value[0] == '0' {
			return fmt.Errorf("concurrency %q is no whole number from 1 to %d (digits only)", value, MaxPlaces)
		}
		o.Places, err = NewConcurrency("key-concurrency", n)
		return err
	}
	return fmt.Errorf("limit %q is of an unknown kind (write 10/m, quota:10000/d or concurrency:4)", item)
}

func (o *Own) unit(name string, compile func(string) (*Policy, error), err error) error {
	if err != nil {
		return err
	}
	numbered := name
	for n := 2; slices.ContainsFunc(o.Units, func(p *Policy) bool { return p.name == numbered }); n++ {
		numbered = name + "-" + strconv.Itoa(n)
	}
	p, err := compile(numbered)
	if err == nil {
		o.Units = append(o.Units, p)
	}
	return err
}

// String is what ParseOwn read; "" of nil.
func (o *Own) String() string {
	if o == nil {
		return ""
	}
	return o.text
}
