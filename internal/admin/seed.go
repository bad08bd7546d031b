package admin

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"stayput.dev/internal/account"
	"stayput.dev/internal/zone"
)

// SeedPlan is how much to make up for a demonstration or a measurement.
type SeedPlan struct {
	Zone     zone.Name // an existing zone, which must not have been seeded before
	Hosts    int       // h0000001 and so on, each with an A record, every second with an AAAA as well
	Accounts int       // c0000001 and so on, at least 1 and at most Hosts, which share the hosts in blocks
}

// seedChunk is how many hosts one commit makes.
const seedChunk = 10_000

// Seed fills a zone with hosts of made-up accounts, each with one update key, and
// writes a line "username,secret,host,host..." for every account. Addresses are
// those for documentation (RFC 5737, RFC 3849). It makes several commits: what
// was written is durable, and with an error some of the hosts may be there.
func (s *Service) Seed(ctx context.Context, p SeedPlan, w io.Writer) error {
	if p.Accounts < 1 || p.Accounts > p.Hosts || p.Hosts > 9_999_999 {
		return invalid("%d hosts of %d accounts cannot be made", p.Hosts, p.Accounts)
	}
	out := bufio.NewWriter(w)
	for first := 0; first < p.Hosts; first += seedChunk {
		chunk, err := p.chunk(first)
		if err != nil {
			return err
		}
		if err := s.edit(ctx, chunk.apply); err != nil {
			return err
		}
		if err := chunk.write(out); err != nil {
			return fmt.Errorf("writing what was seeded: %w", err)
		}
	}
	if _, err := fmt.Fprintln(out); err != nil {
		return fmt.Errorf("writing what was seeded: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing what was seeded: %w", err)
	}
	return nil
}

// seeding is a block of hosts, with the accounts and keys that begin in it.
type seeding struct {
	plan   SeedPlan
	hosts  []seedHost
	owners []seedOwner
}

type seedHost struct {
	name  zone.Name
	owner int // number of the account, from 0
	addrs []netip.Addr
}

type seedOwner struct {
	number   int
	name     string
	username string
	secret   string
	kept     account.Secret
}

// owner returns the number of the account that the host with the number belongs
// to.
func (p SeedPlan) owner(host int) int {
	return int(uint64(host) * uint64(p.Accounts) / uint64(p.Hosts))
}

func (p SeedPlan) chunk(first int) (*seeding, error) {
	c := &seeding{plan: p}
	for i := first; i < min(first+seedChunk, p.Hosts); i++ {
		name, err := p.Zone.Child(fmt.Sprintf("h%07d", i+1))
		if err != nil {
			return nil, invalid("%v", err)
		}
		owner := p.owner(i)
		if i == 0 || p.owner(i-1) != owner {
			if err := c.addOwner(owner); err != nil {
				return nil, err
			}
		}
		c.hosts = append(c.hosts, seedHost{name, owner, seedAddrs(i)})
	}
	return c, nil
}

func (c *seeding) addOwner(number int) error {
	o := seedOwner{number: number, name: fmt.Sprintf("c%07d", number+1), secret: account.NewSecret()}
	o.username = "k" + o.name
	var err error
	if o.kept, err = account.KeepSecret(o.secret, false, false); err != nil {
		return fmt.Errorf("making a secret: %w", err)
	}
	c.owners = append(c.owners, o)
	return nil
}

// seedAddrs returns the addresses of a host: IPv4 from the three blocks for
// documentation in turn, IPv6 counted through 2001:db8::/32.
func seedAddrs(i int) []netip.Addr {
	blocks := [...][3]byte{{192, 0, 2}, {198, 51, 100}, {203, 0, 113}}
	b := blocks[i/254%len(blocks)]
	addrs := []netip.Addr{netip.AddrFrom4([4]byte{b[0], b[1], b[2], byte(i%254 + 1)})}
	if i%2 == 1 {
		v6 := [16]byte{0x20, 0x01, 0x0d, 0xb8}
		binary.BigEndian.PutUint32(v6[12:], uint32(i+1))
		addrs = append(addrs, netip.AddrFrom16(v6))
	}
	return addrs
}

// apply makes the block. Accounts that began in an earlier one exist already.
func (c *seeding) apply(d *draft) error {
	z, err := findZone(d.state, c.plan.Zone)
	if err != nil {
		return err
	}
	directory := d.state.Accounts
	ids := map[int]uint32{}
	for i, o := range c.owners {
		if _, taken := directory.Account(o.name); taken {
			return exists("account %s exists already", o.name).but("seed a fresh data directory")
		}
		if _, taken := directory.Key(o.username); taken {
			return exists("update key %s exists already", o.username).but("seed a fresh data directory")
		}
		id := directory.NextAccountID() + uint32(i)
		ids[o.number] = id
		d.changes.Accounts.Accounts = append(d.changes.Accounts.Accounts,
			account.Account{ID: id, Name: o.name, Role: account.Customer, Created: d.now})
		d.changes.Accounts.Keys = append(d.changes.Accounts.Keys, account.Key{
			ID: directory.NextKeyID() + uint32(i), Account: id, Username: o.username, Secret: o.kept, Created: d.now,
		})
	}
	for i, h := range c.hosts {
		if !z.Node(h.name).IsEmpty() {
			return exists("%s exists already", h.name).but("seed a fresh zone")
		}
		owner, ok := ids[h.owner]
		if !ok {
			a, err := d.account(fmt.Sprintf("c%07d", h.owner+1))
			if err != nil {
				return err
			}
			owner = a.ID
		}
		host := account.Host{
			ID: directory.NextHostID() + uint32(i), Name: h.name, Account: owner,
			TTL: d.opts.hostTTL(z), Created: d.now,
		}
		d.place(d.state, host, d.sources(host, h.addrs), false)
	}
	return nil
}

// write appends the block's lines; the last one stays open, because its account
// may go on in the next block.
func (c *seeding) write(w io.StringWriter) error {
	var b strings.Builder
	owners := c.owners
	for i, h := range c.hosts {
		if len(owners) > 0 && owners[0].number == h.owner {
			if h.owner > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(owners[0].username + "," + owners[0].secret)
			owners = owners[1:]
		}
		b.WriteString("," + c.hosts[i].name.String())
	}
	_, err := w.WriteString(b.String())
	return err
}
