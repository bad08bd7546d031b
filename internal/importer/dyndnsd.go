package importer

import (
	"encoding/json"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"stayput.dev/internal/api"
)

// Dyndnsd is an installation of dyndnsd.
type Dyndnsd struct {
	ConfigFile, DatabaseFile string            // their names, for messages
	Config                   io.Reader         // YAML
	Database                 io.Reader         // JSON; nil for none
	Known                    map[string]string // as in Nicokaiser
}

// dyndnsdConfig is what counts of the configuration.
type dyndnsdConfig struct {
	Users yaml.Node // in the order of the file
}

type dyndnsdUser struct {
	Password string
	Hosts    []string
}

// Plan reads the files. Users become update keys, and those who share a host keys of
// one account, as those of Nicokaiser do. Addresses are those of the database.
func (d *Dyndnsd) Plan() (*Plan, error) {
	var config dyndnsdConfig
	if err := yaml.NewDecoder(d.Config).Decode(&config); err != nil {
		return nil, fmt.Errorf("reading %s: %w", d.ConfigFile, err)
	}
	p := new(Plan)
	m := members{newLists(), newLists(), newLists(), d.Known}
	for i := 0; i+1 < len(config.Users.Content); i += 2 {
		name := config.Users.Content[i].Value
		where := fmt.Sprintf("%s line %d", d.ConfigFile, config.Users.Content[i].Line)
		var user dyndnsdUser
		if err := config.Users.Content[i+1].Decode(&user); err != nil || user.Password == "" || name == "" {
			p.problem(where, "user %s has no password, or hosts that are no list: no key is made", name)
			continue
		}
		m.users.add(name, user.Password)
		for _, h := range user.Hosts {
			m.hosts.add(lowerName(h), name)
		}
	}
	m.plan(p, nil, func(u string) api.MovedKey { return api.MovedKey{Secret: m.users.of[u][0]} })
	if d.Database == nil {
		return p, nil
	}
	return p, d.addAddresses(p)
}

// addAddresses gives hosts the addresses of the database. A host has a list of
// them there, or one alone in that of an old version.
func (d *Dyndnsd) addAddresses(p *Plan) error {
	var database struct{ Hosts map[string]any }
	if err := json.NewDecoder(d.Database).Decode(&database); err != nil {
		return fmt.Errorf("reading %s: %w", d.DatabaseFile, err)
	}
	addresses := map[string][]string{}
	for name, value := range database.Hosts {
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		for _, a := range list {
			if text, ok := a.(string); ok && text != "" {
				addresses[lowerName(name)] = append(addresses[lowerName(name)], text)
			}
		}
	}
	for i := range p.Hosts {
		p.Hosts[i].Addresses = addresses[p.Hosts[i].Name]
	}
	return nil
}
