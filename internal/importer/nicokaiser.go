package importer

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"stayput.dev/internal/api"
)

// Nicokaiser is an installation of nicokaiser/Dyndns.
type Nicokaiser struct {
	HostsFile, UsersFile string    // their names, for messages
	Hosts, Users         io.Reader // dyndns.hosts and dyndns.user
	Zones                []*Zone   // in which the hosts are
	NewHosts             uint32    // up to how many hosts that fit a pattern devices may make further ones
	WithAddress          bool      // devices are to hear the address after "good", which they did not there

	// Known tells which update keys there are already, and of which account,
	// so that a group of users keeps the one that it has.
	Known map[string]string
}

// Plan reads the files. Every user becomes an update key, whose name devices may
// send in any case. Users who share a host, or are tied by others who do, become
// the keys of one account, named after the first of them in the file of users: a
// host belongs to one account, and each key may update what it could before, and
// nothing else.
//
// A pattern takes those names of the zones that have addresses, and the keys of its
// users may make further ones; a host that is named becomes one with or without.
func (n *Nicokaiser) Plan() (*Plan, error) {
	p := new(Plan)
	p.AddZones(n.Zones)
	users, err := n.readUsers(p)
	if err != nil {
		return nil, err
	}
	hosts, patterns, err := n.readHosts(p)
	if err != nil {
		return nil, err
	}
	m := members{users, hosts, patterns, n.Known}
	for _, u := range m.strangers() {
		p.problem(u, "the user has hosts, but no password in %s: no key is made", n.UsersFile)
	}
	m.plan(p, n.Zones, func(u string) api.MovedKey {
		return api.MovedKey{NewHosts: n.NewHosts, AnyCase: true, Hash: users.of[u][0], Unchanged: "good", BareGood: !n.WithAddress}
	})
	return p, nil
}

// readUsers reads lines of a user name, a colon and a hash. Of lines with the same
// name the first counts.
func (n *Nicokaiser) readUsers(p *Plan) (*lists, error) {
	users := newLists()
	err := readPairs(n.Users, n.UsersFile, p, func(where, name, hash string) {
		name = strings.ToLower(name)
		hash, _, _ = strings.Cut(hash, ":") // what some tools append
		switch {
		case users.of[name] != nil:
			p.problem(where, "user %s is there before, which counts", name)
		case hash == "":
			p.problem(where, "user %s has no password: no key is made", name)
		default:
			users.add(name, hash)
		}
	})
	return users, err
}

// readHosts reads lines of a host or pattern, a colon, and users with commas
// between. Users of several lines that fit a host may all update it.
func (n *Nicokaiser) readHosts(p *Plan) (hosts, patterns *lists, err error) {
	hosts, patterns = newLists(), newLists()
	err = readPairs(n.Hosts, n.HostsFile, p, func(where, name, list string) {
		var users []string
		for u := range strings.SplitSeq(strings.ToLower(list), ",") {
			if u = strings.TrimSpace(u); u != "" {
				users = append(users, u)
			}
		}
		if len(users) == 0 {
			p.problem(where, "host %s has no user", name)
			return
		}
		names := []string{lowerName(name)}
		if strings.Contains(name, "*") {
			patterns.add(names[0], users...)
			names = n.expand(names[0])
			p.problem(where, "pattern %s takes the %d names that the zones have now; %s", name, len(names), n.later())
		}
		for _, host := range names {
			hosts.add(host, users...)
		}
	})
	return hosts, patterns, err
}

// later says what becomes of names that are not in the zones yet.
func (n *Nicokaiser) later() string {
	if n.NewHosts == 0 {
		return "later ones are to be added by hand"
	}
	return fmt.Sprintf("devices may make further ones, up to %d", n.NewHosts)
}

// expand returns the names with addresses that fit a pattern.
func (n *Nicokaiser) expand(pattern string) []string {
	var out []string
	for _, z := range n.Zones {
		for _, name := range z.names {
			if matches(pattern, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// readPairs reads lines of two parts around the first colon. Empty lines, and those
// that begin with "#", say nothing.
func readPairs(r io.Reader, file string, p *Plan, take func(where, name, rest string)) error {
	in := bufio.NewScanner(r)
	for number := 1; in.Scan(); number++ {
		line := strings.TrimSpace(in.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		where := fmt.Sprintf("%s line %d", file, number)
		name, rest, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			p.problem(where, "it has no colon, or nothing before it")
			continue
		}
		take(where, name, strings.TrimSpace(rest))
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	return nil
}
