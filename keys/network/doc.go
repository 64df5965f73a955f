// Package network says where a request comes from and whether it may come from
// there. Nobody's word about the client is believed but that of listed proxies.
package network
