package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// inBrowser is the time to the first byte as Chromium measures it for a script of the page:
// Navigation Timing, responseStart after requestStart, in microseconds. Its clock is coarse:
// 100 us (W3C High Resolution Time, Section 9.1).
type inBrowser struct {
	Pairs int        `json:"pairs"`
	Bare  float64    `json:"bare_us"`
	Page  float64    `json:"page_us"`
	Added float64    `json:"added_us"`     // median of the differences of a pair
	Bound [2]float64 `json:"added_95_us"`  // of that median, by the order of the differences
	Noise [2]float64 `json:"bare_quarter"` // quartiles of the bare proxy's own times
}

const firstByteOfPage = `(() => { const n = performance.getEntriesByType("navigation")[0]; return [(n.responseStart - n.requestStart) * 1000, document.querySelectorAll("form > input[name=_sanmon]").length] })()`

// browser opens the same page by turns in Chromium: through the bare proxy, and through the
// gate with a session, a token in each form, the script and the strict policy.
func (b *bench) browser(pairs int) (*inBrowser, error) {
	bareAddr, bareProxy, err := b.reference("bare")
	if err != nil {
		return nil, err
	}
	defer bareProxy.stop()
	_, gateProxy, err := b.gate.start(b, b.log, "local")
	if err != nil {
		return nil, err
	}
	defer gateProxy.stop()
	profile, err := os.MkdirTemp(b.dir, "chromium")
	if err != nil {
		return nil, err
	}
	agent := "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0" // the session began with it
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(profile), chromedp.UserAgent(agent),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true))...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cookie := strings.TrimPrefix(b.gate.credentials("session", "GET")[0], "Cookie: sanmon=")
	if err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.SetCookie, network.SetCookieParams{Name: "sanmon", Value: cookie, URL: "http://" + b.gate.host})
		return err
	})); err != nil {
		return nil, fmt.Errorf("start Chromium: %w", err)
	}
	addresses := [2]string{"http://" + bareAddr + "/slow.html", "http://" + b.gate.host + "/s/slow/html"}
	var took [2][]float64
	for i := range pairs + 10 { // the first are for warming up
		for _, k := range rand.Perm(2) {
			us, err := opened(ctx, addresses[k], []int{0, 3}[k])
			if err != nil {
				return nil, fmt.Errorf("first byte in Chromium: %w", err)
			}
			if i >= 10 {
				took[k] = append(took[k], us)
			}
		}
	}
	return compare(took), nil
}

// opened is the time to the first byte of a page that has to have so many tokens.
func opened(ctx context.Context, address string, tokens int) (us float64, err error) {
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		return 0, err
	}
	got, err := chromedp.Run(ctx, chromedp.Evaluate[[]float64](firstByteOfPage))
	if err == nil && (len(got) != 2 || int(got[1]) != tokens) {
		err = fmt.Errorf("%s: %v, want %d tokens", address, got, tokens)
	}
	if err != nil {
		return 0, err
	}
	return got[0], nil
}

// compare takes the median of the differences, and between which of them it lies with a
// probability of 95 %, whatever their distribution.
func compare(took [2][]float64) *inBrowser {
	n := len(took[0])
	added := make([]float64, n)
	for i := range added {
		added[i] = took[1][i] - took[0][i]
	}
	slices.Sort(added)
	half := 0.98 * math.Sqrt(float64(n))
	at := func(rank float64) float64 { return added[int(min(max(rank, 0), float64(n-1)))] }
	r := &inBrowser{Pairs: n, Bare: median(took[0]), Page: median(took[1]), Added: added[n/2], Bound: [2]float64{at(float64(n)/2 - half), at(float64(n)/2 + half)}}
	slices.Sort(took[0])
	r.Noise = [2]float64{took[0][n/4], took[0][3*n/4]}
	return r
}

func (r *inBrowser) print() {
	fmt.Printf("\nFirst byte of a page in Chromium, %d times each: bare %.0f us (quartiles %.0f..%.0f), gate %.0f us; it adds %.0f us (95%%: %.0f..%.0f)\n",
		r.Pairs, r.Bare, r.Noise[0], r.Noise[1], r.Page, r.Added, r.Bound[0], r.Bound[1])
}
