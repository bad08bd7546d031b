package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"stayput.dev/internal/archive"
	"stayput.dev/internal/zone"
)

// archiveBatch is how much of the past is written or dropped at a time, so that
// appends go between.
const archiveBatch = 32

// inBatches runs fn over some of the list at a time, each in a transaction.
func inBatches[T any](ctx context.Context, s *Store, list []T, fn func(context.Context, *sql.Tx, T) error) error {
	for some := range slices.Chunk(list, archiveBatch) {
		err := s.write(ctx, 0, func(ctx context.Context, tx *sql.Tx) error {
			for _, one := range some {
				if err := fn(ctx, tx, one); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// KeepChanges keeps what became of hosts' addresses; one that is kept already stays
// once. Appends go on meanwhile. After an error some may have been kept.
func (s *Store) KeepChanges(ctx context.Context, changes []archive.Change) error {
	for some := range slices.Chunk(changes, archiveBatch) {
		if err := s.write(ctx, 0, func(ctx context.Context, tx *sql.Tx) error { return keepChanges(ctx, tx, some) }); err != nil {
			return fmt.Errorf("keeping what became of addresses: %w", err)
		}
	}
	return nil
}

func keepChanges(ctx context.Context, tx *sql.Tx, changes []archive.Change) error {
	// Prepared, since to read them takes longer than to run them; the transaction's end closes them.
	changeAt, err := tx.PrepareContext(ctx, changeAtSQL)
	if err != nil {
		return err
	}
	dropUse, err := tx.PrepareContext(ctx, dropUseSQL)
	if err != nil {
		return err
	}
	putUse, err := tx.PrepareContext(ctx, putUseSQL)
	if err != nil {
		return err
	}
	putChange, err := tx.PrepareContext(ctx, putChangeSQL)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if err := keepChange(ctx, &c, changeAt, dropUse, putUse, putChange); err != nil {
			return err
		}
	}
	return nil
}

// keepChange keeps one, in the place of another of the same host, family and moment.
func keepChange(ctx context.Context, c *archive.Change, changeAt, dropUse, putUse, putChange *sql.Stmt) error {
	at, name := c.At.UnixMilli(), []byte(c.Host)
	former, err := addressesAt(ctx, changeAt, c)
	if err != nil {
		return err
	}
	for _, a := range former {
		if _, err := dropUse.ExecContext(ctx, a.AsSlice(), at, name); err != nil {
			return err
		}
	}
	all := []byte{}
	for _, a := range c.Addrs {
		all = append(all, a.AsSlice()...)
		if _, err := putUse.ExecContext(ctx, a.AsSlice(), at, name); err != nil {
			return err
		}
	}
	_, err = putChange.ExecContext(ctx, name, family(c.IPv6), at, all, int64(c.Account), int64(c.Key), c.Via)
	return err
}

// addressesAt returns what a change of the host, family and moment of c, if one is kept,
// says that it had.
func addressesAt(ctx context.Context, changeAt *sql.Stmt, c *archive.Change) ([]netip.Addr, error) {
	var raw []byte
	err := changeAt.QueryRowContext(ctx, []byte(c.Host), family(c.IPv6), c.At.UnixMilli()).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return splitAddrs(raw, c.IPv6)
}

// family is what stands for a family of addresses.
func family(ipv6 bool) int {
	if ipv6 {
		return 6
	}
	return 4
}

// KeepDeeds keeps what people did; a deed that is kept already stays once.
func (s *Store) KeepDeeds(ctx context.Context, deeds []archive.Deed) error {
	err := inBatches(ctx, s, deeds, func(ctx context.Context, tx *sql.Tx, d archive.Deed) error {
		_, err := tx.ExecContext(ctx, putDeedSQL,
			d.ID, d.At.UnixMilli(), int64(d.Actor), d.Via, d.From, d.Verb, d.Subject, int64(d.Account), d.Detail)
		return err
	})
	if err != nil {
		return fmt.Errorf("keeping what was done: %w", err)
	}
	return nil
}

// Changes returns what became of a host's addresses, the latest first.
func (s *Store) Changes(ctx context.Context, host zone.Name, limit int) ([]archive.Change, error) {
	var out []archive.Change
	err := s.list(ctx, changesSQL, []any{[]byte(host), limit}, func(rows *sql.Rows) error {
		c := archive.Change{Host: host}
		var ipVersion, at int64
		var raw []byte
		if err := rows.Scan(&ipVersion, &at, &raw, &c.Account, &c.Key, &c.Via); err != nil {
			return err
		}
		c.IPv6, c.At = ipVersion == 6, time.UnixMilli(at).UTC()
		var err error
		c.Addrs, err = splitAddrs(raw, c.IPv6)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what became of %s: %w", host, err)
	}
	return out, nil
}

var errPast = errors.New("a row of the past is damaged")

// splitAddrs returns the addresses of a row.
func splitAddrs(raw []byte, ipv6 bool) ([]netip.Addr, error) {
	size := 4
	if ipv6 {
		size = 16
	}
	if len(raw)%size != 0 {
		return nil, errPast
	}
	var out []netip.Addr
	for one := range slices.Chunk(raw, size) {
		a, _ := netip.AddrFromSlice(one)
		out = append(out, a)
	}
	return out, nil
}

// Stays returns which hosts had an address of the prefix at some time, the latest
// first; with a zero time, all who ever had.
func (s *Store) Stays(ctx context.Context, p netip.Prefix, at time.Time, limit int) ([]archive.Stay, error) {
	before := int64(1<<63 - 1)
	if !at.IsZero() {
		before = at.UnixMilli()
	}
	of := usesOf(p, before)
	many := false
	if !p.IsSingleIP() {
		if err := s.list(ctx, areManySQL, append(of, manyUses), func(rows *sql.Rows) error { return rows.Scan(&many) }); err != nil {
			return nil, fmt.Errorf("counting who had %s: %w", p, err)
		}
	}
	var out []archive.Stay
	// Of those that began before a time many may have ended, so the pages grow.
	for page, offset := max(limit, minUses), 0; ; page, offset = page*8, offset+page {
		uses, err := s.uses(ctx, many, append(of, page, offset, family(p.Addr().Is6())))
		if err != nil {
			return nil, fmt.Errorf("reading who had %s: %w", p, err)
		}
		for _, u := range uses {
			stay := u.Stay
			if u.known && (at.IsZero() || stay.Until.IsZero() || stay.Until.After(at)) {
				out = append(out, stay)
			}
			if len(out) == limit {
				return out, nil
			}
		}
		if len(uses) < page {
			return out, nil
		}
	}
}

const (
	minUses  = 100    // uses of addresses that are looked at first
	manyUses = 10_000 // more of one prefix are not sorted to find the latest
)

// usesOf returns what tells the uses of addresses of a prefix that began before a time.
func usesOf(p netip.Prefix, before int64) []any {
	first, last := p.Masked().Addr(), lastOf(p)
	return slices.Clip([]any{first.AsSlice(), last.AsSlice(), before, first.BitLen() / 8})
}

// use is the beginning of a stay, and what is known of it.
type use struct {
	archive.Stay
	known bool
}

// uses returns a page of uses of addresses, the latest first; many tells that they are.
func (s *Store) uses(ctx context.Context, many bool, args []any) (out []use, err error) {
	query := staysSQL
	if many {
		query = lateStaysSQL
	}
	err = s.list(ctx, query, args, func(rows *sql.Rows) error {
		u, err := scanUse(rows)
		out = append(out, u)
		return err
	})
	return out, err
}

func scanUse(rows *sql.Rows) (u use, err error) {
	var name, raw []byte
	var from int64
	var until sql.NullInt64
	if err := rows.Scan(&name, &raw, &from, &u.Account, &u.Key, &u.Via, &u.known, &until); err != nil {
		return u, err
	}
	u.Host, u.From = zone.Name(name), time.UnixMilli(from).UTC()
	if until.Valid {
		u.Until = time.UnixMilli(until.Int64).UTC()
	}
	var ok bool
	if u.Addr, ok = netip.AddrFromSlice(raw); !ok || !u.Host.IsValid() {
		return u, errPast
	}
	return u, nil
}

// lastOf returns the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	raw := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}

// Deeds returns what people did, the latest first.
func (s *Store) Deeds(ctx context.Context, f archive.Filter) ([]archive.Deed, error) {
	var where []string
	var args []any
	arg := func(v any) string {
		args = append(args, v)
		return "$" + strconv.Itoa(len(args))
	}
	if f.Account != 0 {
		n := arg(int64(f.Account))
		where = append(where, "(account = "+n+" OR actor = "+n+")")
	}
	if f.Subject != "" {
		where = append(where, "subject = "+arg(f.Subject))
	}
	if f.Before != "" {
		where = append(where, "id < "+arg(f.Before))
	}
	query := "SELECT id, at, actor, via, source, verb, subject, account, detail FROM deed"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	limit := f.Limit
	if limit <= 0 || limit > archive.MaxPage {
		limit = archive.MaxPage
	}
	query += " ORDER BY id DESC LIMIT " + arg(limit)
	var out []archive.Deed
	err := s.list(ctx, query, args, func(rows *sql.Rows) error {
		var d archive.Deed
		var at int64
		err := rows.Scan(&d.ID, &at, &d.Actor, &d.Via, &d.From, &d.Verb, &d.Subject, &d.Account, &d.Detail)
		d.At = time.UnixMilli(at).UTC()
		out = append(out, d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was done: %w", err)
	}
	return out, nil
}

// list calls fn for each row that the query finds, until it fails.
func (s *Store) list(ctx context.Context, query string, args []any, fn func(*sql.Rows) error) error {
	return s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := fn(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// DropChanges drops some of what hosts no longer had at a time, and returns how many
// changes that was: 0 when nothing is left of it.
func (s *Store) DropChanges(ctx context.Context, ended time.Time) (int, error) {
	return s.dropChanges(ctx, endedChangesSQL, ended.UnixMilli())
}

// dropChanges drops some changes that a query finds.
func (s *Store) dropChanges(ctx context.Context, query string, about int64) (int, error) {
	type change struct {
		name, raw []byte
		family    int
		at        int64
	}
	var found []change
	err := s.list(ctx, query, []any{about, archiveBatch}, func(rows *sql.Rows) error {
		var c change
		err := rows.Scan(&c.name, &c.family, &c.at, &c.raw)
		found = append(found, c)
		return err
	})
	if err == nil {
		err = inBatches(ctx, s, found, func(ctx context.Context, tx *sql.Tx, c change) error {
			addrs, err := splitAddrs(c.raw, c.family == 6)
			if err != nil {
				return err
			}
			for _, a := range addrs {
				if _, err := tx.ExecContext(ctx, dropUseSQL, a.AsSlice(), c.at, c.name); err != nil {
					return err
				}
			}
			_, err = tx.ExecContext(ctx, dropChangeSQL, c.name, c.family, c.at)
			return err
		})
	}
	if err != nil {
		return 0, fmt.Errorf("dropping what became of addresses: %w", err)
	}
	return len(found), nil
}

// DropDeeds drops some of what was done before a time, and returns how many deeds that was.
func (s *Store) DropDeeds(ctx context.Context, before time.Time) (int, error) {
	var dropped int64
	err := s.write(ctx, 0, func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, dropDeedsSQL, archive.FirstID(before), archiveBatch)
		if err == nil {
			dropped, err = result.RowsAffected()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("dropping what was done: %w", err)
	}
	return int(dropped), nil
}

// Forget drops all of the past that concerns an account: its hosts' addresses, what it
// did and what was done to it.
func (s *Store) Forget(ctx context.Context, account uint32) error {
	for {
		n, err := s.dropChanges(ctx, changesOfSQL, int64(account))
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	if err := s.write(ctx, 0, statement(forgetDeedsSQL, int64(account))); err != nil {
		return fmt.Errorf("dropping what was done: %w", err)
	}
	return nil
}
