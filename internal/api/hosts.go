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
	Account string `query:"account" doc:"Only those of this account."`
	Zone    string `query:"zone" doc:"Only those at and below this name."`
	Prefix  string `query:"prefix" doc:"Only those whose names begin like this."`
	Start   string `query:"start" doc:"Where the page begins: what next of the page before says."`
	Limit   int    `query:"limit" minimum:"0" maximum:"10000" doc:"How many at most; 1000 without it."`
}

func (s *server) addHosts(api huma.API) {
	answer(api, operation(http.MethodGet, "/hosts", "list-hosts", "List hosts"), s.listHosts)
	answer(api, operation(http.MethodPost, "/hosts", "add-host", "Make a host"), s.addHost)
	answer(api, operation(http.MethodGet, "/hosts/{host}", "show-host", "Show a host"), s.showHost)
	answer(api, operation(http.MethodPatch, "/hosts/{host}", "set-host", "Change a host"), s.setHost)
	act(api, operation(http.MethodDelete, "/hosts/{host}", "delete-host", "Release a host"), s.deleteHost)

	batch := operation(http.MethodPost, "/hosts:batch", "add-hosts", "Make many hosts: all of them, or none")
	batch.MaxBodyBytes = maxBatch
	answer(api, batch, s.batchHosts)
}

func (s *server) listHosts(_ context.Context, in *hostQuery) (HostPage, error) {
	q := admin.HostQuery{Account: in.Account, Prefix: in.Prefix, Limit: in.Limit}
	var err error
	if q.Zone, err = orNone(admin.ParseName)(in.Zone); err != nil {
		return HostPage{}, err
	}
	if q.Start, err = orNone(admin.ParseName)(in.Start); err != nil {
		return HostPage{}, err
	}
	hosts, next, err := s.admin.Hosts(q)
	out := HostPage{Hosts: []Host{}}
	if next != "" {
		out.Next = next.String()
	}
	for _, h := range hosts {
		out.Hosts = append(out.Hosts, viewHost(h))
	}
	return out, err
}

func (s *server) addHost(ctx context.Context, in *body[NewHost]) (Host, error) {
	n, err := in.Body.read()
	if err != nil {
		return Host{}, err
	}
	h, err := s.admin.AddHost(ctx, n)
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
	out.Addresses, err = readAddrs(n.Addresses)
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
		hosts = append(hosts, n)
	}
	return hostsAdded{len(hosts)}, s.admin.AddHosts(ctx, hosts)
}

func (s *server) showHost(_ context.Context, in *hostPath) (Host, error) {
	name, err := admin.ParseName(in.Host)
	if err != nil {
		return Host{}, err
	}
	h, err := s.admin.Host(name)
	return viewHost(h), err
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
	h, err := s.admin.SetHost(ctx, name, change)
	return viewHost(h), err
}

func (c *HostChange) read() (out admin.HostChange, err error) {
	out.TTL, out.Account, out.Force = c.TTL, c.Account, c.Force
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
	out.Follows, err = optional(c.Follows, orNone(admin.ParseName))
	return out, err
}

func (s *server) deleteHost(ctx context.Context, in *hostPath) error {
	name, err := admin.ParseName(in.Host)
	if err != nil {
		return err
	}
	return s.admin.DeleteHost(ctx, name)
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
	if h.InterfaceID.IsValid() {
		out.InterfaceID = h.InterfaceID.String()
	}
	for _, source := range h.Sources {
		out.Sources = append(out.Sources, Source{source.Addr, source.Username, source.Via, source.Session, source.At})
	}
	return out
}

// nameText returns the text of a name that may be none.
func nameText(n zone.Name) string {
	if n == "" {
		return ""
	}
	return n.String()
}
