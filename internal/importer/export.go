package importer

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"stayput.dev/internal/api"
)

// House is what an export is made of.
type House struct {
	Accounts []api.Account
	Hosts    []api.Host
	Keys     []api.Key
	Hashes   map[string]string // by user name, by which other programs know the secrets
}

// ReadHouse asks the daemon for all of it.
func ReadHouse(ctx context.Context, c *api.Client) (*House, error) {
	h := &House{Hashes: map[string]string{}}
	for a, err := range c.AllAccounts(ctx) {
		if err != nil {
			return nil, err
		}
		h.Accounts = append(h.Accounts, a)
	}
	for host, err := range c.AllHosts(ctx, api.HostQuery{}) {
		if err != nil {
			return nil, err
		}
		h.Hosts = append(h.Hosts, host)
	}
	for k, err := range c.AllKeys(ctx, "") {
		if err != nil {
			return nil, err
		}
		h.Keys = append(h.Keys, k)
	}
	hashes, err := c.OldHashes(ctx)
	for _, known := range hashes {
		h.Hashes[known.Username] = known.Hash
	}
	return h, err
}

// WriteNicokaiser writes the files of nicokaiser/Dyndns, and returns what they
// cannot hold: keys whose secret is known in no form that others can check, and
// names that would not be read again.
func (h *House) WriteNicokaiser(hosts, users io.Writer) ([]Problem, error) {
	p := new(Plan)
	keys := h.plainKeys(p)
	for _, k := range keys {
		hash := h.Hashes[k.Username]
		if hash == "" {
			p.problem(k.Username, "no old hash is left of its secret: give it a new one with htpasswd")
			continue
		}
		if _, err := fmt.Fprintf(users, "%s:%s\n", strings.ToLower(k.Username), hash); err != nil {
			return nil, err
		}
	}
	whole, limited := h.byHost(keys)
	for _, host := range h.Hosts {
		names := append(slices.Clone(whole[strings.ToLower(host.Account)]), limited[host.Name]...)
		if len(names) == 0 {
			p.problem(host.Name, "no update key covers it: it is left out")
			continue
		}
		slices.Sort(names)
		if _, err := fmt.Fprintf(hosts, "%s:%s\n", host.Name, strings.Join(names, ",")); err != nil {
			return nil, err
		}
	}
	return p.Problems, writePatterns(hosts, keys)
}

// writePatterns writes a line for each pattern of the keys.
func writePatterns(w io.Writer, keys []api.Key) error {
	patterns := newLists()
	for _, k := range keys {
		for _, pattern := range k.Patterns {
			patterns.add(pattern, strings.ToLower(k.Username))
		}
	}
	for _, pattern := range patterns.order {
		if _, err := fmt.Fprintf(w, "%s:%s\n", pattern, strings.Join(patterns.of[pattern], ",")); err != nil {
			return err
		}
	}
	return nil
}

// hostsOf returns the hosts that a key covers; none where these are all of its account.
func (h *House) hostsOf(k *api.Key) []string {
	hosts := slices.Clone(k.Hosts)
	if len(k.Patterns) == 0 {
		return hosts
	}
	for i := range h.Hosts {
		name := h.Hosts[i].Name
		fits := strings.EqualFold(h.Hosts[i].Account, k.Account) && slices.ContainsFunc(k.Patterns, func(p string) bool { return matches(p, name) })
		if fits && !slices.Contains(hosts, name) {
			hosts = append(hosts, name)
		}
	}
	return hosts
}

// plainKeys returns the keys whose user names the files can hold.
func (h *House) plainKeys(p *Plan) []api.Key {
	var out []api.Key
	seen := map[string]bool{}
	for _, k := range h.Keys {
		lower := strings.ToLower(k.Username)
		switch {
		case strings.ContainsAny(k.Username, ",#"):
			p.problem(k.Username, "the user name would not be read again: it is left out")
		case seen[lower]:
			p.problem(k.Username, "another user name differs from it in case alone: it is left out")
		default:
			seen[lower] = true
			out = append(out, k)
		}
	}
	return out
}

// byHost returns the lower-case user names of keys: of those that cover all hosts of
// an account by its lower-case name, of others by host.
func (h *House) byHost(keys []api.Key) (whole, limited map[string][]string) {
	whole, limited = map[string][]string{}, map[string][]string{}
	for _, k := range keys {
		user, account := strings.ToLower(k.Username), strings.ToLower(k.Account)
		if len(k.Hosts)+len(k.Patterns) == 0 {
			whole[account] = append(whole[account], user)
		}
		for _, host := range h.hostsOf(&k) {
			limited[host] = append(limited[host], user)
		}
	}
	return whole, limited
}

// WriteCSV writes a list that ReadCSV reads: a line for each account, host and
// update key, of the last with the hash of its secret where another program could
// check it.
func (h *House) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	lines := [][]string{columns}
	line := func(values map[string]string) {
		fields := make([]string, len(columns))
		for i, c := range columns {
			fields[i] = textField(values[c])
		}
		lines = append(lines, fields)
	}
	for _, a := range h.Accounts {
		line(map[string]string{"account": a.Name, "email": a.Email})
	}
	for _, host := range h.Hosts {
		var addrs []string
		for _, a := range host.Addresses {
			addrs = append(addrs, a.String())
		}
		line(map[string]string{
			"account": host.Account, "host": host.Name,
			"address": strings.Join(addrs, " "), "ttl": strconv.FormatUint(uint64(host.TTL), 10),
		})
	}
	for _, k := range h.Keys {
		hosts := h.hostsOf(&k)
		if len(k.Hosts)+len(k.Patterns) == 0 {
			hosts = []string{""} // all of them
		}
		for _, host := range hosts {
			line(map[string]string{"account": k.Account, "host": host, "username": k.Username, "hash": h.Hashes[k.Username]})
		}
	}
	if err := out.WriteAll(lines); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	return nil
}
