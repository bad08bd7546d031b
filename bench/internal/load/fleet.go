//go:build linux

package load

import (
	"encoding/base64"
	"net/netip"
)

// A Key is an update key and the hosts that it may move.
type Key struct {
	Username, Secret string
	Hosts            []string
}

// A Fleet is all routers of a service: each has a host, the credentials for
// it, and a source address of its own, as no two households share one.
type Fleet struct {
	routers []router
}

type router struct {
	host          string
	authorization string
}

// NewFleet returns a router for every host of the keys.
func NewFleet(keys []Key) *Fleet {
	f := &Fleet{}
	for _, k := range keys {
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(k.Username+":"+k.Secret))
		for _, host := range k.Hosts {
			f.routers = append(f.routers, router{host, basic})
		}
	}
	return f
}

// Len returns the number of routers.
func (f *Fleet) Len() int { return len(f.routers) }

// Host returns the name that router i keeps up to date.
func (f *Fleet) Host(i int) string { return f.routers[i].host }

// source returns the loopback address of router i. Neighbours lie in
// different /16s, so that limits by prefix do not take the fleet for a flood.
func source(i int) [4]byte {
	return [4]byte{127, byte(64 + i%64), byte(i / 64), byte(1 + i/64/256%254)}
}

// appendRequest appends the request that moves the router's host.
func (r *router) appendRequest(b []byte, address [4]byte, keepAlive bool) []byte {
	b = append(b, "GET /nic/update?hostname="...)
	b = append(b, r.host...)
	b = append(b, "&myip="...)
	b = netip.AddrFrom4(address).AppendTo(b)
	b = append(b, " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: "...)
	b = append(b, r.authorization...)
	b = append(b, "\r\nUser-Agent: stayput-bench/1\r\nConnection: "...)
	if keepAlive {
		return append(b, "keep-alive\r\n\r\n"...)
	}
	return append(b, "close\r\n\r\n"...)
}
