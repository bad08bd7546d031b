package api

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/account"
	"stayput.dev/internal/admin"
	"stayput.dev/internal/zone"
)

// maxBatch bounds the octets of a batch of hosts.
const maxBatch = 64 << 20

// hostPath is a request about one host.
type hostPath struct {
	Host string `path:"host" example:"home.dyn.example.org"`
}

// hostQuery is a request for a list of hosts.
type hostQuery struct {
	Account  string `query:"account" doc:"Only those of this account."`
	Zone     string `query:"zone" doc:"Only those at and below this name."`
	Prefix   string `query:"prefix" doc:"Only those whose names begin like this."`
	Expiring bool   `query:"expiring" doc:"Only those that go offline soon unless they report."`
	Start    string `query:"start" doc:"Where the page begins: what next of the page before says."`
	Limit    int    `query:"limit" minimum:"0" maximum:"10000" doc:"How many at most; 1000 without it."`
}

func (s *server) addHosts(api huma.API) {
	answer(s, api, operation(http.MethodGet, "/hosts", "list-hosts", "List hosts"), s.listHosts)
	answer(s, api, operation(http.MethodPost, "/hosts", "add-host", "Make a host"), s.addHost)
	answer(s, api, operation(http.MethodGet, "/hosts/{host}", "show-host", "Show a host"), s.showHost)
	answer(s, api, operation(http.MethodPatch, "/hosts/{host}", "set-host", "Change a host"), s.setHost)
	act(s, api, operation(http.MethodDelete, "/hosts/{host}", "delete-host", "Release a host"), s.deleteHost)

	batch := operation(http.MethodPost, "/hosts:batch", "add-hosts", "Make many hosts: all of them, or none")
	batch.MaxBodyBytes = maxBatch
	answer(s, api, batch, s.batchHosts)
}

func (s *server) listHosts(ctx context.Context, in *hostQuery) (HostPage, error) {
	q := admin.HostQuery{Account: in.Account, Prefix: in.Prefix, Expiring: in.Expiring, Limit: in.Limit}
	var err error
	if q.Zone, err = orNone(admin.ParseName)(in.Zone); err != nil {
		return HostPage{}, err
	}
	if q.Start, err = orNone(admin.ParseName)(in.Start); err != nil {
		return HostPage{}, err
	}
	hosts, next, err := s.as(ctx).Hosts(q)
	out := HostPage{Hosts: []Host{}}
	if next != "" {
		out.Next = next.String()
	}
	who := &visitOf(ctx).who
	for _, h := range hosts {
		if who.covers(h.Name) {
			out.Hosts = append(out.Hosts, viewHost(h))
		}
	}
	return out, err
}

func (s *server) addHost(ctx context.Context, in *body[NewHost]) (Host, error) {
	n, err := in.Body.read()
	if err != nil {
		return Host{}, err
	}
	n.Vacant = visitOf(ctx).who.isCustomer()
	h, err := s.as(ctx).AddHost(ctx, n)
	return viewHost(h), err
}

func (n *NewHost) read() (out admin.NewHost, err error) {
	out.Account, out.TTL, out.Force = n.Account, n.TTL, n.Force
	if out.Name, err = admin.ParseName(n.Name); err != nil {
		return out, err
	}
	if out.NonGlobal, err = orNone(choice(account.ParseNonGlobal))(n.NonGlobal); err != nil {
		return out, err
	}
	if out.Alias, err = orNone(choice(account.ParseTarget))(n.Alias); err != nil {
		return out, err
	}
	if out.Options, err = n.HostOptions.read(); err != nil {
		return out, err
	}
	out.Addresses, err = readAddrs(n.Addresses)
	return out, err
}

func (o *HostOptions) read() (out admin.HostOptions, err error) {
	out.Wildcard, out.BackupMX = o.Wildcard, o.BackupMX
	if out.MX, err = optional(o.MX, orNone(choice(account.ParseTarget))); err != nil {
		return out, err
	}
	if out.WhenOffline, err = optional(o.Offline, choice(account.ParseWhenOffline)); err != nil {
		return out, err
	}
	if out.Expiry, err = optional(o.ExpireAfter, choice(account.ParseExpiry)); err != nil {
		return out, err
	}
	out.Devices, err = optional(o.DeviceOptions, choice(account.ParseDeviceOptions))
	return out, err
}

// hostBatch is many hosts to be made.
type hostBatch struct {
	Hosts []NewHost `json:"hosts" nullable:"false"`
}

// hostsAdded is how many were made.
type hostsAdded struct {
	Added int `json:"added"`
}

func (s *server) batchHosts(ctx context.Context, in *body[hostBatch]) (hostsAdded, error) {
	hosts := make([]admin.NewHost, 0, len(in.Body.Hosts))
	for i := range in.Body.Hosts {
		n, err := in.Body.Hosts[i].read()
		if err != nil {
			return hostsAdded{}, err
		}
		n.Vacant = visitOf(ctx).who.isCustomer()
		hosts = append(hosts, n)
	}
	return hostsAdded{len(hosts)}, s.as(ctx).AddHosts(ctx, hosts)
}

func (s *server) showHost(ctx context.Context, in *hostPath) (Host, error) {
	name, err := admin.ParseName(in.Host)
	if err != nil {
		return Host{}, err
	}
	h, err := s.as(ctx).Host(name)
	if err != nil {
		return Host{}, err
	}
	out := viewHost(h)
	if s.pushes != nil {
		out.Pending = s.pushes.Pending(name)
	}
	return out, nil
}

// hostChange is a request to change one host.
type hostChange struct {
	Host string `path:"host" example:"home.dyn.example.org"`
	Body HostChange
}

func (s *server) setHost(ctx context.Context, in *hostChange) (Host, error) {
	name, err := admin.ParseName(in.Host)
	if err != nil {
		return Host{}, err
	}
	change, err := in.Body.read()
	if err != nil {
		return Host{}, err
	}
	h, err := s.as(ctx).SetHost(ctx, name, change)
	return viewHost(h), err
}

func (c *HostChange) read() (out admin.HostChange, err error) {
	out.TTL, out.Account, out.TakeOffline, out.Force = c.TTL, c.Account, c.TakeOffline, c.Force
	if c.Addresses != nil {
		addrs, err := readAddrs(*c.Addresses)
		if err != nil {
			return out, err
		}
		out.Addresses = &addrs
	}
	if out.NonGlobal, err = optional(c.NonGlobal, choice(account.ParseNonGlobal)); err != nil {
		return out, err
	}
	if out.InterfaceID, err = optional(c.InterfaceID, orNone(readAddr)); err != nil {
		return out, err
	}
	if out.Alias, err = optional(c.Alias, orNone(choice(account.ParseTarget))); err != nil {
		return out, err
	}
	if out.Options, err = c.HostOptions.read(); err != nil {
		return out, err
	}
	out.Follows, err = optional(c.Follows, orNone(admin.ParseName))
	return out, err
}

func (s *server) deleteHost(ctx context.Context, in *hostPath) error {
	name, err := admin.ParseName(in.Host)
	if err != nil {
		return err
	}
	return s.as(ctx).DeleteHost(ctx, name)
}

func viewHost(h admin.Host) Host {
	out := Host{
		Name: h.Name.String(), Account: h.Account, Zone: nameText(h.Zone), Addresses: h.Addresses, TTL: h.TTL,
		Follows: nameText(h.Follows), Suspended: h.Suspended, Created: h.Created, LastSeen: h.LastSeen,
	}
	if out.Addresses == nil {
		out.Addresses = []netip.Addr{}
	}
	if h.NonGlobal != account.NonGlobalDefault {
		out.NonGlobal = h.NonGlobal.String()
	}
	viewOptions(&out, &h)
	if h.InterfaceID.IsValid() {
		out.InterfaceID = h.InterfaceID.String()
	}
	for _, source := range h.Sources {
		out.Sources = append(out.Sources, Source{source.Addr, source.Username, source.Via, source.Session, source.At})
	}
	return out
}

func viewOptions(out *Host, h *admin.Host) {
	o := &h.Options
	out.Alias, out.Wildcard, out.MX, out.BackupMX = nameText(h.Alias), o.Wildcard, nameText(o.MX), o.BackupMX
	if !o.WhenOffline.Equal(new(account.WhenOffline)) {
		out.Offline = o.WhenOffline.String()
	}
	if o.Expiry != account.ExpiryDefault {
		out.ExpireAfter = o.Expiry.String()
	}
	out.Expires, out.Expiring, out.CGNAT = h.Expires, h.Expiring, h.CGNAT
	if o.Devices != account.DeviceOptionsDefault {
		out.DeviceOptions = o.Devices.String()
	}
	if !h.Offline.At.IsZero() {
		out.WentOffline = &Offline{At: h.Offline.At, Via: h.Offline.Via, Username: h.Offline.Username}
	}
}

// nameText returns the text of a name that may be none.
func nameText(n zone.Name) string {
	if n == "" {
		return ""
	}
	return n.String()
}
