package dnsserver

import (
	"fmt"
	"strings"

	"stayput.dev/internal/history"
	"stayput.dev/internal/update"
	"stayput.dev/internal/zone"
)

// Recorder remembers what was asked and told, as history.History does.
type Recorder interface {
	// Record takes up an exchange, of which it keeps nothing but copies.
	Record(*history.Exchange)
}

// record tells the Recorder what became of each host whose addresses the UPDATE is
// about, or where it was refused, of the host that the key is for.
func (r *Responder) record(u *updateMessage, results []update.Result, err error, code rcode) {
	if r.opts.Recorder == nil {
		return
	}
	wishes := u.describe()
	tell := func(host string, results []update.Result) {
		r.opts.Recorder.Record(&history.Exchange{
			Asked:   &update.Request{Hosts: []string{host}, Source: r.client.Addr, Via: via},
			Results: results, Err: err, Request: u.text(wishes[host]), Agent: "TSIG key " + u.key.Name.String(), Reply: []byte(code.String()),
		})
	}
	for i := range results {
		tell(results[i].Host, results[i:i+1])
	}
	if err != nil && u.key.Host != "" {
		tell(u.key.Host.String(), nil)
	}
}

// maxDescription is the octets that the description of an UPDATE may have.
const maxDescription = 512

// describe tells in words what an UPDATE wants, by the name at which it wants that; of
// records that are no addresses, only their types.
func (u *updateMessage) describe() map[string][]string {
	wishes := map[string][]string{}
	for i := range u.prerequisites {
		p := &u.prerequisites[i]
		name := p.name.String()
		wishes[name] = append(wishes[name], p.condition()+p.describe())
	}
	for i := range u.updates {
		c := &u.updates[i]
		name := c.name.String()
		wishes[name] = append(wishes[name], c.act()+c.describe())
	}
	return wishes
}

// text returns the description of an UPDATE that has such wishes.
func (u *updateMessage) text(wishes []string) []byte {
	text := "UPDATE " + strings.Join(append([]string{u.zone.String()}, wishes...), ", ")
	return []byte(text[:min(len(text), maxDescription)])
}

// condition returns the words before a prerequisite.
func (r *updateRecord) condition() string {
	if r.class == classNONE {
		return "if there is no "
	}
	return "if there is "
}

// act returns the word before a change.
func (r *updateRecord) act() string {
	if r.class == classIN {
		return "add "
	}
	return "delete "
}

func (r *updateRecord) describe() string {
	if len(r.data) > 0 && isAddress(r.typ) && !r.broken {
		return fmt.Sprintf("%s %s", r.typ, zone.FormatData(r.typ, r.data))
	}
	return r.typ.String()
}
