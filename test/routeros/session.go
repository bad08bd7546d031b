package routeros

import (
	"fmt"
	"net/netip"
	"slices"
)

// sessionVariables are what the script of a PPP profile knows of the session that
// begins (manual.mikrotik.com, "PPP AAA", on-up).
var sessionVariables = []string{"user", "local-address", "remote-address", "caller-id", "called-id", "interface"}

// Connect lets a subscriber in, whose session has the profile, and runs what the
// profile has for that. A session of the same name makes room.
func (r *Router) Connect(profile, name string, address netip.Addr) error {
	r.Disconnect(name)
	r.add("/ppp active", Item{"name": name, "address": address.String(), "service": "pppoe"})
	for _, e := range r.menus["/ppp profile"] {
		if e.item["name"] != profile {
			continue
		}
		session := map[string]value{
			"user": name, "remote-address": address, "local-address": netip.MustParseAddr("192.0.2.1"),
			"caller-id": "02:00:00:00:00:01", "called-id": "internet", "interface": "<pppoe-" + name + ">",
		}
		if err := r.run(e.item["on-up"], everything, session); err != nil {
			return fmt.Errorf("profile %s: %w", profile, err)
		}
	}
	return nil
}

// Disconnect ends the session of a subscriber, if there is one.
func (r *Router) Disconnect(name string) {
	r.menus["/ppp active"] = slices.DeleteFunc(r.menus["/ppp active"], func(e *entry) bool { return e.item["name"] == name })
}
