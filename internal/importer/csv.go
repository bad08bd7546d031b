package importer

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"stayput.dev/internal/api"
)

// columns are what a list of customers may have.
var columns = []string{"account", "email", "host", "address", "ttl", "username", "secret", "hash"}

// ReadCSV reads a list of customers and hosts (RFC 4180). The first line names the
// columns, of which only "account" must be there; a list with semicolons will do.
// Each line is of one account and of what else it names: a host, an update key, or
// both: then the key may update the host. A key whose lines name no host may update
// all of the account.
func ReadCSV(file string, r io.Reader) (*Plan, error) {
	in := bufio.NewReader(r)
	if mark, _ := in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
	}
	list := csv.NewReader(in)
	head, _ := in.Peek(in.Buffered())
	if first, _, _ := bytes.Cut(head, []byte("\n")); bytes.ContainsRune(first, ';') && !bytes.ContainsRune(first, ',') {
		list.Comma = ';'
	}
	list.TrimLeadingSpace = true
	at, err := readHead(list)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	c := newCustomers()
	for {
		fields, err := list.Read()
		if errors.Is(err, io.EOF) {
			return c.plan, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		line, _ := list.FieldPos(0)
		c.add(fmt.Sprintf("%s line %d", file, line), func(column string) string {
			i, ok := at[column]
			switch {
			case !ok:
				return ""
			case column == "secret": // of any form, and never written
				return strings.TrimSpace(fields[i])
			}
			return plainField(strings.TrimSpace(fields[i]))
		})
	}
}

// formulaMarks are with what a spreadsheet takes a field for a formula, and the quote that
// makes it text.
const formulaMarks = "=+-@'"

// textField returns a field as a spreadsheet takes it for text, whoever has chosen it.
func textField(field string) string {
	if field != "" && strings.Contains(formulaMarks, field[:1]) {
		return "'" + field
	}
	return field
}

// plainField returns what textField was given.
func plainField(field string) string {
	if rest, quoted := strings.CutPrefix(field, "'"); quoted && rest != "" && strings.Contains(formulaMarks, rest[:1]) {
		return rest
	}
	return field
}

// readHead returns where the columns are.
func readHead(list *csv.Reader) (map[string]int, error) {
	head, err := list.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty: the first line names the columns")
	}
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(columns, name) {
			return nil, fmt.Errorf("there is no column %q: one of %s", name, strings.Join(columns, ", "))
		}
		if _, twice := at[name]; twice {
			return nil, fmt.Errorf("column %s is there twice", name)
		}
		at[name] = i
	}
	if _, ok := at["account"]; !ok {
		return nil, errors.New("there is no column account")
	}
	return at, nil
}

// customers makes a plan of the lines of a list. The maps tell where things stand
// in it.
type customers struct {
	plan                  *Plan
	accounts, hosts, keys map[string]int
}

func newCustomers() *customers {
	return &customers{plan: new(Plan), accounts: map[string]int{}, hosts: map[string]int{}, keys: map[string]int{}}
}

// add takes in one line.
func (c *customers) add(where string, field func(column string) string) {
	account := field("account")
	if account == "" {
		c.plan.problem(where, "it names no account")
		return
	}
	account = c.addAccount(account, field("email"))
	host := lowerName(field("host"))
	if host != "" && !c.addHost(where, host, account, field("address"), field("ttl")) {
		return
	}
	if username := field("username"); username != "" {
		c.addKey(where, api.MovedKey{Username: username, Account: account, Secret: field("secret"), Hash: field("hash")}, host)
	} else if field("secret")+field("hash") != "" {
		c.plan.problem(where, "it has a secret without a username: no key is made")
	}
}

// addAccount returns the name as it was written first.
func (c *customers) addAccount(name, email string) string {
	i, known := c.accounts[strings.ToLower(name)]
	if !known {
		i = len(c.plan.Accounts)
		c.accounts[strings.ToLower(name)] = i
		c.plan.Accounts = append(c.plan.Accounts, api.NewCustomer{Name: name})
	}
	c.plan.Accounts[i].Email = cmp.Or(c.plan.Accounts[i].Email, email)
	return c.plan.Accounts[i].Name
}

func (c *customers) addHost(where, name, account, address, ttl string) bool {
	seconds, err := strconv.ParseUint(cmp.Or(ttl, "0"), 10, 31)
	if err != nil {
		c.plan.problem(where, "%q is no TTL in seconds", ttl)
		return false
	}
	i, known := c.hosts[name]
	switch {
	case !known:
		c.hosts[name] = len(c.plan.Hosts)
		c.plan.Hosts = append(c.plan.Hosts, api.MovedHost{
			Name: name, Account: account, TTL: uint32(seconds), Addresses: strings.Fields(address),
		})
	case c.plan.Hosts[i].Account != account:
		c.plan.problem(where, "host %s is of account %s in a line before", name, c.plan.Hosts[i].Account)
		return false
	}
	return true
}

func (c *customers) addKey(where string, k api.MovedKey, host string) {
	i, known := c.keys[k.Username]
	if !known {
		i = len(c.plan.Keys)
		c.keys[k.Username] = i
		c.plan.Keys = append(c.plan.Keys, k)
	}
	key := &c.plan.Keys[i]
	if key.Account != k.Account {
		c.plan.problem(where, "key %s is of account %s in a line before", k.Username, key.Account)
		return
	}
	if known && (k.Secret != "" && k.Secret != key.Secret || k.Hash != "" && k.Hash != key.Hash) {
		c.plan.problem(where, "key %s has another secret in a line before, which counts", k.Username)
	}
	if host != "" && !slices.Contains(key.Hosts, host) {
		key.Hosts = append(key.Hosts, host)
	}
}
