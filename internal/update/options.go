package update

import (
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/zone"
)

// asks is what a request wants beside addresses, whatever the state.
type asks struct {
	offline  bool
	accept   bool // where a host does not say whether its devices may choose options
	wildcard Switch
	mx       *zone.Name // nil: as it is
	backupMX Switch
}

// hear reads what the request asks for. A mail exchanger that is none, as devices
// send it whose form has not been filled in, is passed over.
func hear(req *Request, accept bool) asks {
	a := asks{offline: req.Offline, accept: accept, wildcard: req.Options.Wildcard, backupMX: req.Options.BackupMX}
	if text := req.Options.MX; text != nil {
		name, err := account.ParseTarget(*text)
		if err == nil || *text == "" {
			a.mx = &name
		}
	}
	return a
}

// isEmpty tells whether the request has addresses alone.
func (a *asks) isEmpty() bool {
	return !a.offline && a.wildcard == Leave && a.mx == nil && a.backupMX == Leave
}

// become returns what the request makes of the host, but for its addresses, of
// which it wants some or not, and whether that is something else.
func (p *plan) become(st *registry.State, z *zone.Zone, h account.Host, addressed bool) (account.Host, bool) {
	if p.asks.isEmpty() && p.text == nil && !h.IsOffline() {
		return h, false
	}
	next := h
	next.Text = p.text.apply(h.Text)
	if p.asks.mayChoose(z, &h) {
		asks := p.asks.within(planOf(st, &h))
		asks.choose(&next.Options)
	}
	switch {
	case p.asks.offline && !h.IsOffline():
		next.Offline = p.source
		next.Offline.At = next.Offline.At.UTC().Truncate(time.Millisecond)
	case !p.asks.offline && addressed:
		next.Offline = account.Source{}
	}
	return next, !next.Equal(&h)
}

// mayChoose tells whether devices may choose options of the host. At the apex of a
// zone they would choose for all of it.
func (a *asks) mayChoose(z *zone.Zone, h *account.Host) bool {
	if h.Name == z.Origin() {
		return false
	}
	if h.Options.Devices == account.DeviceOptionsDefault {
		return a.accept
	}
	return h.Options.Devices == account.DeviceOptionsAccept
}

// within returns what the request asks for that the plan of the account allows. The
// rest is passed over.
func (a asks) within(p account.Plan) asks {
	if p.NoWildcard && a.wildcard == On {
		a.wildcard = Leave
	}
	if p.NoMX && a.mx != nil && *a.mx != "" {
		a.mx, a.backupMX = nil, Leave
	}
	return a
}

// choose changes the options.
func (a *asks) choose(o *account.Options) {
	if a.wildcard != Leave {
		o.Wildcard = a.wildcard == On
	}
	if a.mx != nil {
		o.MX = *a.mx
	}
	switch {
	case o.MX == "":
		o.BackupMX = false
	case a.backupMX != Leave:
		o.BackupMX = a.backupMX == On
	}
}

// own returns the node as far as what stands there is the host's own: while it is
// offline, nothing is.
func own(h *account.Host, node zone.Node) zone.Node {
	if h.IsOffline() {
		return zone.Node{}
	}
	return node
}

// looksBelow returns the wildcard below the host if the plan looks at it.
func (p *plan) looksBelow(h *account.Host) (zone.Name, bool) {
	if !h.Options.Wildcard && p.asks.wildcard != On {
		return "", false
	}
	return wildcard(h.Name)
}
