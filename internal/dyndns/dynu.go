package dyndns

import (
	"net/http"
	"net/netip"
	"strings"

	"stayput.dev/internal/update"
)

// dynu is dyndns2 as Dynu's clients speak it:
//
//	GET /nic/update?username=alice&password=MD5&hostname=home.dyn.example.org&alias=www&myip=10.0.0.0&myipv6=no
//
// Without a host all hosts of the update key are meant, for a location stands for
// a group of them; alias is a name below the host; 10.0.0.0 is the source address.
// The secret may be its MD5 or SHA-256 sum, if the update key keeps these.
type dynu struct{ dyndns2 }

// isDynu tells whether Dynu's dialect is meant on a path of dyndns2: by a
// parameter that only it has, or a sum in the place of the secret.
func isDynu(_ *http.Request, q query) bool {
	return q.hasAny([]string{"location", "alias"}) || isSum(q.first(secretKeys))
}

// isSum tells whether a secret looks like an MD5 or SHA-256 sum in hex digits.
func isSum(secret string) bool {
	for i := range len(secret) {
		if !isHex(secret[i]) {
			return false
		}
	}
	return len(secret) == 32 || len(secret) == 64
}

// dynuMeaning is what clients of Dynu send for the address that they come from.
var dynuMeaning = asks{meaning: map[netip.Addr]update.Action{netip.MustParseAddr("10.0.0.0"): update.FromSource}}

// Parse implements Dialect.
func (d dynu) Parse(r *http.Request) (update.Request, error) {
	req, err := d.dyndns2.Parse(r)
	if err != nil {
		return req, err
	}
	q, err := readQuery(r)
	if err != nil {
		return req, err
	}
	req.Via = "dynu"
	req.All = len(req.Hosts) == 0
	alias, _ := q.get("alias")
	if alias = strings.TrimSpace(unescape(alias, true)); alias != "" {
		for i, host := range req.Hosts {
			req.Hosts[i] = alias + "." + host
		}
	}
	dynuMeaning.mean(&req, &req.V4)
	return req, nil
}
