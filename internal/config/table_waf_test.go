package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWAF(t *testing.T) {
	for text, want := range map[string]WAF{
		`boundary: session`:                                             {},
		`boundary: session, input: { waf: off }`:                        {},
		`boundary: session, input: { waf: { mode: off, paranoia: 2 } }`: {},
		`boundary: session, input: { waf: observe }`:                    {Mode: Observe, Paranoia: 1},
		`boundary: session, input: { waf: enforce }`:                    {Mode: Enforce, Paranoia: 1},
		`boundary: session, input: { waf: { mode: enforce, paranoia: 3, exclude: ["ARGS:body", "941100-941999 ARGS:items.*.text"] } }`: {Enforce, 3, []string{"ARGS:body", "941100-941999 ARGS:items.*.text"}},
		`boundary: session, input: { waf: { mode: observe } }`:                                                                         {Mode: Observe, Paranoia: 1},
	} {
		if diff := cmp.Diff(want, accept(t, 7, route(text)).Routes[0].WAF); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
	const remedy = " (write ARGS:name, or 941100-941999 ARGS:name for some rules)"
	checkRefused(t, []refused{
		{7, route(`boundary: session, input: { waf: block }`), `7:70: routes[].input.waf: "block" is not a mode (write one of: off, observe, enforce)`},
		{7, route(`boundary: session, input: { waf: { paranoia: 2 } }`), `7:70: routes[].input.waf.mode is missing (add mode: observe)`},
		{7, route(`boundary: session, input: { waf: { mode: enforce, paranoia: 5 } }`), `7:97: routes[].input.waf.paranoia: 5 is out of bounds (write a whole number from 1 to 4)`},
		{7, route(`boundary: session, input: { waf: { mode: enforce, exclude: [body] } }`), `7:97: routes[].input.waf.exclude[]: "body" is not an exclusion` + remedy},
		{7, route(`boundary: session, input: { waf: { mode: enforce, exclude: ["TX:score"] } }`), `7:97: routes[].input.waf.exclude[]: "TX:score" is not an exclusion` + remedy},
	})
}
