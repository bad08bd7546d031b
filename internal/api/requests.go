package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"
)

// Status returns how the daemon fares.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, http.MethodGet, "/status", nil, nil)
}

// Backup makes the daemon write a consistent copy of all that is stored to a
// file, whose path is absolute.
func (c *Client) Backup(ctx context.Context, file string) error {
	return c.do(ctx, http.MethodPost, "/backup", nil, backupFile{file})
}

// Upgrade makes the daemon start a new process of its program, and returns when
// that is ready to take over. Status tells when it has, by its PID, or why not.
func (c *Client) Upgrade(ctx context.Context) (Upgrade, error) {
	return get[Upgrade](ctx, c, http.MethodPost, "/upgrade", nil, nil)
}

// Seed makes up hosts and accounts, and writes a line "username,secret,host..."
// for every account to w.
func (c *Client) Seed(ctx context.Context, p SeedPlan, w io.Writer) error {
	return c.copy(ctx, http.MethodPost, "/seed", p, w)
}

// Zones returns all zones in canonical order.
func (c *Client) Zones(ctx context.Context) ([]Zone, error) {
	list, err := get[zoneList](ctx, c, http.MethodGet, "/zones", nil, nil)
	return list.Zones, err
}

// Secondaries returns how each secondary follows each zone, which the daemon asks
// them.
func (c *Client) Secondaries(ctx context.Context) ([]SecondaryStatus, error) {
	list, err := get[secondaryList](ctx, c, http.MethodGet, "/secondaries", nil, nil)
	return list.Secondaries, err
}

// Zone returns a zone, its hosts counted.
func (c *Client) Zone(ctx context.Context, name string) (Zone, error) {
	return get[Zone](ctx, c, http.MethodGet, "/zones/"+segment(name), nil, nil)
}

// AddZone makes a zone.
func (c *Client) AddZone(ctx context.Context, n NewZone) (Zone, error) {
	return get[Zone](ctx, c, http.MethodPost, "/zones", nil, n)
}

// SetZone changes a zone.
func (c *Client) SetZone(ctx context.Context, name string, change ZoneChange) (Zone, error) {
	return get[Zone](ctx, c, http.MethodPatch, "/zones/"+segment(name), nil, change)
}

// DeleteZone deletes a zone; with force, also one that has hosts.
func (c *Client) DeleteZone(ctx context.Context, name string, force bool) error {
	return c.do(ctx, http.MethodDelete, "/zones/"+segment(name), forced(force), nil)
}

// ExportZone writes a zone as a master file to w.
func (c *Client) ExportZone(ctx context.Context, name string, w io.Writer) error {
	return c.copy(ctx, http.MethodGet, "/zones/"+segment(name)+"/export", nil, w)
}

// ZoneFile is a zone as a master file.
type ZoneFile struct {
	Zone    string
	File    string // its name, for messages; may be empty
	Content io.Reader
}

// ImportZones makes the zones of the files, or replaces their content, all in
// one commit. The files are sent as they are read.
func (c *Client) ImportZones(ctx context.Context, files []ZoneFile) ([]Imported, error) {
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	sent := make(chan error, 1)
	go func() { // ends when all is sent, or when pr is closed
		err := sendFiles(form, files)
		_ = pw.CloseWithError(err)
		sent <- err
	}()
	answer, err := c.request(ctx, http.MethodPost, "/zones:import", nil, form.FormDataContentType(), pr)
	_ = pr.Close()
	if err == nil {
		defer answer.Body.Close()
	}
	if fault := <-sent; fault != nil && !errors.Is(fault, io.ErrClosedPipe) {
		return nil, fault
	}
	if err != nil {
		return nil, err
	}
	report, err := decode[importReport](answer)
	return report.Zones, err
}

func sendFiles(form *multipart.Writer, files []ZoneFile) error {
	for _, f := range files {
		part, err := form.CreateFormFile(f.Zone, f.File)
		if err == nil {
			_, err = io.Copy(part, f.Content)
		}
		if err != nil {
			return fmt.Errorf("sending zone %s: %w", f.Zone, err)
		}
	}
	return form.Close()
}

// Accounts returns a page of accounts in order of their names.
func (c *Client) Accounts(ctx context.Context, p Page) (AccountPage, error) {
	query := values("start", p.Start, "limit", p.limit())
	return get[AccountPage](ctx, c, http.MethodGet, "/accounts", query, nil)
}

// AllAccounts yields all accounts in order of their names, and an error at most
// once, at the end.
func (c *Client) AllAccounts(ctx context.Context) iter.Seq2[Account, error] {
	return all(Page{}, func(p Page) ([]Account, string, error) {
		page, err := c.Accounts(ctx, p)
		return page.Accounts, page.Next, err
	})
}

// Account returns an account.
func (c *Client) Account(ctx context.Context, name string) (Account, error) {
	return get[Account](ctx, c, http.MethodGet, "/accounts/"+segment(name), nil, nil)
}

// AddAccount makes an account.
func (c *Client) AddAccount(ctx context.Context, n NewAccount) (Account, error) {
	return get[Account](ctx, c, http.MethodPost, "/accounts", nil, n)
}

// SetAccount changes an account.
func (c *Client) SetAccount(ctx context.Context, name string, change AccountChange) (Account, error) {
	return get[Account](ctx, c, http.MethodPatch, "/accounts/"+segment(name), nil, change)
}

// DeleteAccount deletes an account and its update keys; with force, also one
// that owns hosts.
func (c *Client) DeleteAccount(ctx context.Context, name string, force bool) error {
	return c.do(ctx, http.MethodDelete, "/accounts/"+segment(name), forced(force), nil)
}

// HostQuery says which hosts to list. Its zero value is all of them.
type HostQuery struct {
	Account string // empty: of all accounts
	Zone    string // at and below this name; empty: everywhere
	Prefix  string // with which their names begin

	Expiring bool // only those that go offline soon unless they report
}

// Hosts returns a page of hosts in canonical order of their names.
func (c *Client) Hosts(ctx context.Context, q HostQuery, p Page) (HostPage, error) {
	query := values("account", q.Account, "zone", q.Zone, "prefix", q.Prefix, "start", p.Start, "limit", p.limit())
	if q.Expiring {
		query.Set("expiring", "true")
	}
	return get[HostPage](ctx, c, http.MethodGet, "/hosts", query, nil)
}

// AllHosts yields hosts in canonical order of their names, and an error at most
// once, at the end.
func (c *Client) AllHosts(ctx context.Context, q HostQuery) iter.Seq2[Host, error] {
	return all(Page{}, func(p Page) ([]Host, string, error) {
		page, err := c.Hosts(ctx, q, p)
		return page.Hosts, page.Next, err
	})
}

// Host returns a host, with the sources of its addresses.
func (c *Client) Host(ctx context.Context, name string) (Host, error) {
	return get[Host](ctx, c, http.MethodGet, "/hosts/"+segment(name), nil, nil)
}

// AddHost makes a host.
func (c *Client) AddHost(ctx context.Context, n NewHost) (Host, error) {
	return get[Host](ctx, c, http.MethodPost, "/hosts", nil, n)
}

// AddHosts makes all the hosts in one commit, or none.
func (c *Client) AddHosts(ctx context.Context, hosts []NewHost) error {
	return c.do(ctx, http.MethodPost, "/hosts:batch", nil, hostBatch{hosts})
}

// SetHost changes a host.
func (c *Client) SetHost(ctx context.Context, name string, change HostChange) (Host, error) {
	return get[Host](ctx, c, http.MethodPatch, "/hosts/"+segment(name), nil, change)
}

// DeleteHost releases a host.
func (c *Client) DeleteHost(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "/hosts/"+segment(name), nil, nil)
}

// Keys returns a page of update keys in order of their user names, those of one
// account unless its name is empty.
func (c *Client) Keys(ctx context.Context, account string, p Page) (KeyPage, error) {
	query := values("account", account, "start", p.Start, "limit", p.limit())
	return get[KeyPage](ctx, c, http.MethodGet, "/keys", query, nil)
}

// AllKeys yields the update keys of an account, or of all when its name is empty,
// in order of their user names, and an error at most once, at the end.
func (c *Client) AllKeys(ctx context.Context, account string) iter.Seq2[Key, error] {
	return all(Page{}, func(p Page) ([]Key, string, error) {
		page, err := c.Keys(ctx, account, p)
		return page.Keys, page.Next, err
	})
}

// Key returns an update key.
func (c *Client) Key(ctx context.Context, username string) (Key, error) {
	return get[Key](ctx, c, http.MethodGet, "/keys/"+segment(username), nil, nil)
}

// FailingKeys returns the update keys whose secret was wrong again and again, and
// not right since, those of one account unless its name is empty.
func (c *Client) FailingKeys(ctx context.Context, account string) ([]Key, error) {
	page, err := get[KeyPage](ctx, c, http.MethodGet, "/keys", values("account", account, "failing", "true"), nil)
	return page.Keys, err
}

// HostHistory returns what devices asked of a host and were told, the latest first.
func (c *Client) HostHistory(ctx context.Context, name string) ([]Exchange, error) {
	list, err := get[exchangeList](ctx, c, http.MethodGet, "/hosts/"+segment(name)+"/history", nil, nil)
	return list.History, err
}

// HostAddresses returns what addresses a host had, the latest first, limit of them.
func (c *Client) HostAddresses(ctx context.Context, name string, limit int) ([]AddressChange, error) {
	list, err := get[addressChangeList](ctx, c, http.MethodGet, "/hosts/"+segment(name)+"/addresses", values("limit", strconv.Itoa(limit)), nil)
	return list.Changes, err
}

// FindAddress returns who had an address, or one of a prefix, the latest first, limit of
// them; with a time, only who had it then.
func (c *Client) FindAddress(ctx context.Context, address string, at time.Time, limit int) ([]Stay, error) {
	query := values("address", address, "limit", strconv.Itoa(limit))
	if !at.IsZero() {
		query.Set("at", at.UTC().Format(time.RFC3339Nano))
	}
	list, err := get[stayList](ctx, c, http.MethodGet, "/addresses", query, nil)
	return list.Stays, err
}

// Audit returns what people changed, the latest first, limit deeds: all, or only what
// concerns an account, or was done to a subject.
func (c *Client) Audit(ctx context.Context, account, subject string, limit int) ([]Deed, error) {
	query := values("account", account, "subject", subject, "limit", strconv.Itoa(limit))
	list, err := get[deedList](ctx, c, http.MethodGet, "/audit", query, nil)
	return list.Deeds, err
}

// Recipes returns what to type into devices that reach the service at server, a URL;
// for one kind of device unless that is empty, with the user name of an update key
// that covers the host unless another is given.
func (c *Client) Recipes(ctx context.Context, host, server, username, device string) (RecipeBook, error) {
	query := values("server", server, "username", username, "device", device)
	return get[RecipeBook](ctx, c, http.MethodGet, "/hosts/"+segment(host)+"/recipes", query, nil)
}

// KeyHistory returns what devices asked with an update key without reaching a host,
// the latest first.
func (c *Client) KeyHistory(ctx context.Context, username string) ([]Exchange, error) {
	list, err := get[exchangeList](ctx, c, http.MethodGet, "/keys/"+segment(username)+"/history", nil, nil)
	return list.History, err
}

// AddKey makes an update key and returns it with its secret, which nobody can
// read again.
func (c *Client) AddKey(ctx context.Context, n NewKey) (AddedKey, error) {
	return get[AddedKey](ctx, c, http.MethodPost, "/keys", nil, n)
}

// SetKey changes an update key.
func (c *Client) SetKey(ctx context.Context, username string, change KeyChange) (Key, error) {
	return get[Key](ctx, c, http.MethodPatch, "/keys/"+segment(username), nil, change)
}

// RevokeKey deletes an update key.
func (c *Client) RevokeKey(ctx context.Context, username string) error {
	return c.do(ctx, http.MethodDelete, "/keys/"+segment(username), nil, nil)
}

// MoveIn takes over what another installation has, as far as that can be, in one
// commit, and tells what became of each part.
func (c *Client) MoveIn(ctx context.Context, in MoveIn) ([]Moved, error) {
	report, err := get[moveReport](ctx, c, http.MethodPost, "/import", nil, in)
	return report.Parts, err
}

// OldHashes returns the hashes by which other programs knew the secrets of update
// keys, of those that have one.
func (c *Client) OldHashes(ctx context.Context) ([]OldHash, error) {
	list, err := get[hashList](ctx, c, http.MethodGet, "/old-hashes", nil, nil)
	return list.Hashes, err
}
