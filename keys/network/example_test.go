package network_test

import (
	"fmt"
	"net/netip"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/keys/network"
)

func Example() {
	clients := network.Clients{
		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Header:  network.XForwardedFor,
	}
	addr, err := clients.Address(&exchange.Request{
		Peer:   netip.MustParseAddr("10.0.0.1"), // our proxy
		Fields: exchange.Header{"X-Forwarded-For": {"6.6.6.6, 203.0.113.9"}},
	})
	fmt.Println(addr, network.Key(addr), err)
	// Output: 203.0.113.9 203.0.113.0/24 <nil>
}
