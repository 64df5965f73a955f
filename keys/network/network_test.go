package network

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

func prefixes(s ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range s {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

func request(peer, header string, values ...string) *exchange.Request {
	f := exchange.Header{}
	if values != nil {
		f[header] = values
	}
	return &exchange.Request{Peer: netip.MustParseAddr(peer), Fields: f}
}

// Peers' failures: leftmost address (oauth2-proxy#3506), everybody trusted
// (CVE-2026-76835), values that are no addresses (CVE-2026-57210), mapped addresses
// (GHSA-7jmw-8259-q9jx).
func TestAddressXForwardedFor(t *testing.T) {
	for _, tt := range []struct {
		trusted, peer string
		values        []string
		want          string // "" means header_ambiguous
	}{
		{"", "203.0.113.9", []string{"198.51.100.1"}, "203.0.113.9"},
		{"10.0.0.0/8", "203.0.113.9", []string{"198.51.100.1"}, "203.0.113.9"},
		{"10.0.0.0/8", "203.0.113.9", []string{"garbage"}, "203.0.113.9"},
		{"10.0.0.0/8", "10.0.0.1", nil, "10.0.0.1"},
		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.0/8", "10.0.0.1", []string{"1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.0/8", "10.0.0.1", []string{"1.1.1.1, 198.51.100.1, 10.0.0.2,\t10.0.0.3"}, "198.51.100.1"},
		{"10.0.0.0/8", "10.0.0.1", []string{"1.1.1.1", "198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100.1", "1.1.1.1"}, "1.1.1.1"},
		{"10.0.0.0/8", "10.0.0.1", []string{"10.0.0.7, 10.0.0.2"}, "10.0.0.7"},
		{"10.0.0.0/8", "10.0.0.1", []string{"10.1.1.1, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.0/8", "::ffff:10.0.0.1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"::ffff:10.0.0.0/104", "10.0.0.1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"fd00::/8", "fd00::1", []string{"2001:db8::7"}, "2001:db8::7"},
		{"fd00::/8", "fd00::1", []string{"fe80::1%eth0"}, "fe80::1"},
		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"10.0.0.0/8", "10.0.0.1", []string{"[2001:db8::7]:4711"}, "2001:db8::7"},
		{"10.0.0.0/8", "10.0.0.1", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"10.0.0.0/8", "10.0.0.1", []string{"unknown, 198.51.100.1"}, "198.51.100.1"},

		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100.1, unknown"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"unknown"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{""}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100.1,"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{", 198.51.100.1"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100.1 1.1.1.1"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100.1;1.1.1.1"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"garbage"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"garbage, 198.51.100.1"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100.1", "<script>"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100.01"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"0x7f.1"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"2130706433"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100.1:port"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"198.51.100.1:"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"[198.51.100.1]"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"[2001:db8::7"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{"[2001:db8::7]x"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{`"198.51.100.1"`}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{strings.Repeat("1.1.1.1, ", 32) + "1.1.1.1"}, ""},
		{"10.0.0.0/8", "10.0.0.1", []string{strings.Repeat(" ", 5000) + "1.1.1.1"}, ""},
	} {
		c := Clients{Header: XForwardedFor}
		if tt.trusted != "" {
			c.Trusted = prefixes(tt.trusted)
		}
		judge(t, &c, request(tt.peer, XForwardedFor, tt.values...), tt.want)
	}
}

// RFC 7239, Sections 4, 6 and 7.
func TestAddressForwarded(t *testing.T) {
	for _, tt := range []struct {
		values []string
		want   string
	}{
		{[]string{`for=192.0.2.43`}, "192.0.2.43"},
		{[]string{`For="[2001:db8:cafe::17]:4711"`}, "2001:db8:cafe::17"},
		{[]string{`for=192.0.2.60;proto=http;by=203.0.113.43`}, "192.0.2.60"},
		{[]string{`proto=http;by=203.0.113.43; FOR=192.0.2.60`}, "192.0.2.60"},
		{[]string{`for=192.0.2.43, for=198.51.100.17`}, "198.51.100.17"},
		{[]string{`for=192.0.2.43`, `for=198.51.100.17`, `for=10.0.0.3`}, "198.51.100.17"},
		{[]string{`for="192.0.2.43:47011",for="10.0.0.2:_p0rt"`}, "192.0.2.43"},
		{[]string{`for=unknown, for=198.51.100.17`}, "198.51.100.17"},
		{[]string{`for=_hidden, for=198.51.100.17`}, "198.51.100.17"},
		{[]string{`by=10.0.0.9, for=198.51.100.17`}, "198.51.100.17"},
		{[]string{`host="a, for=1.1.1.1; b";for=198.51.100.17`}, "198.51.100.17"},
		{[]string{`for="\1\9\8.51.100.17"`}, "198.51.100.17"},
		{[]string{`for="[::ffff:198.51.100.17]"`}, "198.51.100.17"},

		{[]string{`for=unknown`}, ""},
		{[]string{`for="_gazonk"`}, ""},
		{[]string{`by=10.0.0.9`}, ""},
		{[]string{`for=198.51.100.17, for=unknown`}, ""},
		{[]string{``}, ""},
		{[]string{`,`}, ""},
		{[]string{`for=192.0.2.43,`}, ""},
		{[]string{`for`}, ""},
		{[]string{`for=`}, ""},
		{[]string{`for =192.0.2.43`}, ""},
		{[]string{`for= 192.0.2.43`}, ""},
		{[]string{`192.0.2.43`}, ""},
		{[]string{`for=2001:db8::7`}, ""},
		{[]string{`for=[2001:db8::7]`}, ""},
		{[]string{`for="2001:db8::7"`}, ""},
		{[]string{`for=192.0.2.43:47011`}, ""},
		{[]string{`for="192.0.2.43`}, ""},
		{[]string{`for="192.0.2.43\`}, ""},
		{[]string{`for="192.0.2.43"x`}, ""},
		{[]string{`for=192.0.2.43;for=1.1.1.1`}, ""},
		{[]string{`for=192.0.2.43;For=192.0.2.43`}, ""},
		{[]string{`for=garbage`}, ""},
		{[]string{`for="<x>"`}, ""},
		{[]string{`for="[192.0.2.43]"`}, ""},
		{[]string{`for="192.0.2.43, 1.1.1.1"`}, ""},
		{[]string{`a=1;b=2;c=3;d=4;e=5;f=6;g=7;h=8;for=192.0.2.43`}, ""},
	} {
		c := Clients{Header: Forwarded, Trusted: prefixes("10.0.0.0/8")}
		judge(t, &c, request("10.0.0.1", Forwarded, tt.values...), tt.want)
	}
}

func judge(t *testing.T, c *Clients, r *exchange.Request, want string) {
	t.Helper()
	got, err := c.Address(r)
	if want == "" {
		if err == nil || refusal.From(err).Code != refusal.HeaderAmbiguous {
			t.Errorf("peer %s, %q: %v, %v, want header_ambiguous", r.Peer, r.Fields.Values(c.Header), got, err)
		}
		return
	}
	if err != nil || got != netip.MustParseAddr(want) {
		t.Errorf("peer %s, %q: %v, %v, want %s", r.Peer, r.Fields.Values(c.Header), got, err, want)
	}
}

func TestOnlyTheConfiguredHeaderIsRead(t *testing.T) {
	c := Clients{Header: XForwardedFor, Trusted: prefixes("10.0.0.0/8")}
	r := request("10.0.0.1", "Forwarded", "for=1.1.1.1")
	if got, err := c.Address(r); err != nil || got != r.Peer {
		t.Errorf("%v, %v, want the peer", got, err)
	}
}

func TestNoPeerIsAFailure(t *testing.T) {
	c := Clients{}
	if _, err := c.Address(&exchange.Request{Fields: exchange.Header{}}); err == nil {
		t.Error("a request without a peer has a client")
	}
}

// Whatever a client puts in front, it does not move: the proxy's entry decides.
func TestClientCannotMove(t *testing.T) {
	c := Clients{Header: XForwardedFor, Trusted: prefixes("10.0.0.0/8")}
	rapid.Check(t, func(rt *rapid.T) {
		lie := rapid.SliceOfN(rapid.StringMatching(`[ -~]{0,20}`), 0, 3).Draw(rt, "lie")
		got, err := c.Address(request("10.0.0.1", XForwardedFor, append(lie, "198.51.100.1")...))
		if err == nil && got != netip.MustParseAddr("198.51.100.1") {
			rt.Fatalf("%q moved the client to %v", lie, got)
		}
	})
}

func TestProto(t *testing.T) {
	for _, tt := range []struct {
		peer         string
		values       []string
		https, known bool
		code         refusal.Code
	}{
		{"203.0.113.9", []string{"https"}, false, false, ""},
		{"10.0.0.1", nil, false, false, ""},
		{"10.0.0.1", []string{"https"}, true, true, ""},
		{"10.0.0.1", []string{"HTTPS"}, true, true, ""},
		{"10.0.0.1", []string{"http"}, false, true, ""},
		{"10.0.0.1", []string{"https,http"}, false, false, refusal.HeaderAmbiguous},
		{"10.0.0.1", []string{"https", "https"}, false, false, refusal.HeaderAmbiguous},
		{"10.0.0.1", []string{""}, false, false, refusal.HeaderAmbiguous},
		{"10.0.0.1", []string{"javascript"}, false, false, refusal.HeaderAmbiguous},
	} {
		c := Clients{Trusted: prefixes("10.0.0.0/8")}
		https, known, err := c.Proto(request(tt.peer, "X-Forwarded-Proto", tt.values...))
		var code refusal.Code
		if err != nil {
			code = refusal.From(err).Code
		}
		if https != tt.https || known != tt.known || code != tt.code {
			t.Errorf("%s %q: %v, %v, %q", tt.peer, tt.values, https, known, code)
		}
	}
}

func TestAdmit(t *testing.T) {
	for _, tt := range []struct {
		allow, deny []netip.Prefix
		addr        string
		want        bool
	}{
		{nil, nil, "203.0.113.9", true},
		{prefixes("203.0.113.0/24"), nil, "203.0.113.9", true},
		{prefixes("203.0.113.0/24"), nil, "203.0.114.9", false},
		{prefixes("203.0.113.0/24"), nil, "::ffff:203.0.113.9", true},
		{prefixes("203.0.113.0/24"), nil, "2001:db8::1", false},
		{prefixes("fe80::/10"), nil, "fe80::1%eth0", true},
		{nil, prefixes("203.0.113.9/32"), "203.0.113.9", false},
		{nil, prefixes("203.0.113.9/32"), "::ffff:203.0.113.9", false},
		{nil, prefixes("::ffff:203.0.113.0/120"), "203.0.113.9", false},
		{nil, prefixes("203.0.113.9/32"), "203.0.113.8", true},
		{prefixes("203.0.113.0/24"), prefixes("203.0.113.9/32"), "203.0.113.9", false},
		{prefixes("0.0.0.0/0"), nil, "2001:db8::1", false},
	} {
		l := List{Allow: tt.allow, Deny: tt.deny}
		err := l.Admit(netip.MustParseAddr(tt.addr))
		if (err == nil) != tt.want || err != nil && refusal.From(err).Code != refusal.NetworkDenied {
			t.Errorf("allow %v deny %v: %s: %v, want admitted %v", tt.allow, tt.deny, tt.addr, err, tt.want)
		}
	}
	l := List{Allow: prefixes("0.0.0.0/0", "::/0")}
	if l.Admit(netip.Addr{}) == nil {
		t.Error("no address is admitted")
	}
}

func TestKeys(t *testing.T) {
	for _, tt := range []struct{ addr, key, limit string }{
		{"203.0.113.9", "203.0.113.0/24", "00000000000000000000ffffcb007109"},
		{"::ffff:203.0.113.9", "203.0.113.0/24", "00000000000000000000ffffcb007109"},
		{"192.168.1.7", "192.168.1.0/24", "00000000000000000000ffffc0a80107"},
		{"127.0.0.1", "127.0.0.0/24", "00000000000000000000ffff7f000001"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1::/48", "20010db8000100020000000000000000"},
		{"fe80::1%eth0", "fe80::/48", "fe800000000000000000000000000000"},
		{"::1", "::/48", "00000000000000000000000000000000"},
	} {
		addr := netip.MustParseAddr(tt.addr)
		if got := Key(addr); got != tt.key {
			t.Errorf("Key(%s) = %s, want %s", addr, got, tt.key)
		}
		if got := LimitKey(addr); hex.EncodeToString(got[:]) != tt.limit {
			t.Errorf("LimitKey(%s) = %x, want %s", addr, got, tt.limit)
		}
	}
	if Key(netip.Addr{}) != "" {
		t.Error("no address has a network")
	}
	LimitKey(netip.Addr{}) // must not panic
}

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"203.0.113.0/24": "203.0.113.0/24", "203.0.113.9": "203.0.113.9/32", "2001:db8::/32": "2001:db8::/32",
		"2001:db8::1": "2001:db8::1/128", "::ffff:203.0.113.0/120": "203.0.113.0/24", "::ffff:203.0.113.9": "203.0.113.9/32",
		"0.0.0.0/0": "0.0.0.0/0",
		"":          "", "203.0.113.9/24": "", "203.0.113.0/33": "", "203.0.113.0/": "", "203.0.113/24": "", "fe80::1%eth0": "", "host": "", "203.0.113.0/024": "",
	} {
		got, err := Parse(in)
		if want == "" != (err != nil) || err == nil && got.String() != want {
			t.Errorf("Parse(%q) = %v, %v, want %q", in, got, err, want)
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("for=192.0.2.43, for=\"[2001:db8:cafe::17]:4711\";by=_x", true)
	f.Add("198.51.100.1, [::1]:80, unknown", false)
	f.Fuzz(func(t *testing.T, value string, rfc7239 bool) {
		c := Clients{Header: XForwardedFor, Trusted: prefixes("10.0.0.0/8")}
		if rfc7239 {
			c.Header = Forwarded
		}
		got, err := c.Address(request("10.0.0.1", c.Header, value))
		if err == nil && (!got.IsValid() || got.Is4In6() || got.Zone() != "") {
			t.Fatalf("%q: %v", value, got)
		}
		if err != nil && refusal.From(err).Code != refusal.HeaderAmbiguous {
			t.Fatalf("%q: %v", value, err)
		}
	})
}

func BenchmarkAddress(b *testing.B) {
	c := Clients{Header: XForwardedFor, Trusted: prefixes("10.0.0.0/8", "fd00::/8")}
	f := Clients{Header: Forwarded, Trusted: c.Trusted}
	for _, bb := range []struct {
		name string
		c    *Clients
		r    *exchange.Request
	}{
		{"untrusted", &c, request("203.0.113.9", XForwardedFor, "1.1.1.1")},
		{"one hop", &c, request("10.0.0.1", XForwardedFor, "198.51.100.1")},
		{"three hops", &c, request("10.0.0.1", XForwardedFor, "1.1.1.1, 198.51.100.1, 10.0.0.2")},
		{"forwarded", &f, request("10.0.0.1", Forwarded, `for=192.0.2.60;proto=http;by=203.0.113.43`)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bb.c.Address(bb.r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAdmit(b *testing.B) {
	l := List{Deny: prefixes("192.0.2.0/24", "198.51.100.0/24"), Allow: prefixes("203.0.113.0/24")}
	addr := netip.MustParseAddr("203.0.113.9")
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Admit(addr); err != nil {
			b.Fatal(err)
		}
	}
}
