//go:build linux

package figure

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"

	"stayput.dev/bench/internal/peer"
	"stayput.dev/bench/internal/sample"
	"stayput.dev/bench/internal/stats"
)

// pageBound is what each page must stay below at the median.
const pageBound = 50 * time.Millisecond

// A view is a page or a list that somebody asks for.
type view struct {
	who, name string // who looks, and at what
	path      string
	shows     string // what a right answer has
}

// pages measures how long the pages that list and search take among many hosts: from
// the request on a kept connection until the answer is whole, so the client's part and
// the loopback are in it.
func pages(flags *flag.FlagSet, s *settings) func(context.Context, *bench) error {
	s.hosts, s.rounds = 1_000_000, 5
	each := flags.Int("each", 20, "how often each page is asked for in a round")
	archived := flags.Duration("archived", 10*time.Minute, "how long to wait until the addresses that were seeded can be searched")
	return func(ctx context.Context, b *bench) error {
		server, _, err := b.service(ctx, stayput, b.hosts, peer.StayputOptions{CPU: peer.AnyCPU})
		if err != nil {
			return err
		}
		readers, err := b.readers(ctx, server)
		if err != nil {
			return err
		}
		views := b.views()
		b.log.Print("waiting until addresses can be searched")
		for _, v := range views {
			if err := readers[v.who].await(ctx, v, *archived); err != nil {
				return fmt.Errorf("%s: %s: %w", v.who, v.name, err)
			}
		}
		err = b.eachRound(ctx, func() error {
			for _, v := range views {
				if err := b.look(ctx, readers[v.who], v, *each); err != nil {
					return fmt.Errorf("%s: %s: %w", v.who, v.name, err)
				}
			}
			return nil
		})
		b.sumUpViews(views)
		return err
	}
}

// sumUpViews notes what is too slow, and for each reader, as a row of the table in
// bench/README.md, how many views there are and which is the slowest.
func (b *bench) sumUpViews(views []view) {
	for len(views) > 0 {
		who := views[0].who
		n, slowest := 0, (*series)(nil)
		for ; len(views) > 0 && views[0].who == who; views = views[1:] {
			n++
			m := b.report.find(who, views[0].name+", median")
			if m == nil {
				continue
			}
			if m.Median > milliseconds(pageBound) {
				b.report.note("%s: %s takes more than %v", who, views[0].name, pageBound)
			}
			if slowest == nil || m.Median > slowest.Median {
				slowest = m
			}
		}
		if slowest != nil {
			b.report.note("| pages for %s (%d), the slowest at the median: %s | `stayput-bench pages` | %s ms | %s to %s |",
				who, n, strings.TrimSuffix(slowest.Measure, ", median"), number(slowest.Median), number(slowest.Min), number(slowest.Max))
		}
	}
}

// views are the pages and lists, about things in the middle of all.
func (b *bench) views() []view {
	zone := sample.Zone{Hosts: b.hosts}
	middle := b.hosts / 2
	host, label := zone.Host(middle), zone.Label(middle)
	owner := fmt.Sprintf("c%07d", b.owners(b.hosts)/2)
	v6, has := zone.IPv6(middle)
	if !has {
		v6, _ = zone.IPv6(middle + 1)
	}
	in := "/staff/zones/" + sample.ZoneName
	search := func(q string) string { return "/staff/search?" + url.Values{"q": {q}}.Encode() }
	now := time.Now().UTC().Format("2006-01-02T15:04")
	var all []view
	for _, who := range []string{"support", "admin"} {
		all = append(all,
			view{who, "search a host", search(host), host},
			view{who, "search the beginning of names", search(label[:4]), "h0"},
			view{who, "search a customer", search(owner), owner},
			view{who, "search a mail address", search(owner + "@example.test"), "</html>"},
			view{who, "search an address", search(v6.String()), sample.ZoneName},
			view{who, "search a shared address", search(zone.IPv4(middle).String()), sample.ZoneName},
			view{who, "search an address at a time", search(v6.String()) + "&at=" + url.QueryEscape(now), "</html>"},
			view{who, "search a prefix", search("192.0.2.0/24"), sample.ZoneName},
			view{who, "customers", "/staff/customers", "c0000001"},
			view{who, "customers further on", "/staff/customers?from=" + owner, owner},
			view{who, "a customer", "/staff/customers/" + owner, owner},
			view{who, "a host", "/hosts/" + host, sample.ZoneName},
			view{who, "zones", "/staff/zones", sample.ZoneName},
			view{who, "records of a zone", in, "SOA"},
			view{who, "records further on", in + "?from=" + host + ".", label},
			view{who, "search records", in + "?q=" + label[:6], label[:6]},
			view{who, "servers of a zone", in + "/servers", sample.ZoneName},
			view{who, "overview", "/staff", "</html>"},
			view{who, "overview of a day", "/staff?span=day", "</html>"},
			view{who, "who stands out", "/staff/abuse", "</html>"},
			view{who, "audit log", "/staff/audit", "</html>"},
			view{who, "audit log of a customer", "/staff/audit?account=" + owner, "</html>"},
			view{who, "audit log of signing in", "/staff/audit?of=signin", "</html>"},
			view{who, "plans", "/staff/plans", "</html>"},
			view{who, "who waits for an account", "/staff/customers/applications", "</html>"},
			view{who, "nodes", "/staff/cluster", "</html>"},
		)
	}
	all = append(all,
		view{"admin", "editor of records", in + "/record?type=TXT&name=www", "<textarea"},
		view{"admin", "settings of a zone", in + "/settings", sample.ZoneName},
		view{"admin", "deleting a zone", in + "/delete", sample.ZoneName},
		view{"admin", "changing a customer", "/staff/customers/" + owner + "/change", owner},
		view{"admin", "look", "/staff/brand", "</html>"},
		view{"admin", "texts of mails", "/staff/brand/mails", "</html>"},
	)
	own := zone.Host(1)
	all = append(all,
		view{"customer", "hosts", "/", zone.Label(1)},
		view{"customer", "search own hosts", "/?q=" + zone.Label(1)[:6], zone.Label(1)},
		view{"customer", "a host", "/hosts/" + own, sample.ZoneName},
		view{"customer", "options of a host", "/hosts/" + own + "/options", "</html>"},
		view{"customer", "lines for a device", "/hosts/" + own + "/setup", "</html>"},
		view{"customer", "new host", "/hosts/new", sample.ZoneName},
		view{"customer", "update keys", "/keys", "</html>"},
		view{"customer", "new update key", "/newkey", zone.Label(1)},
		view{"customer", "account", "/account", "c0000001"},
		view{"customer", "API tokens", "/account/tokens", "</html>"},
	)
	for name, path := range map[string]string{
		"hosts": "/hosts?limit=100", "hosts of an account": "/hosts?limit=100&account=" + owner,
		"accounts": "/accounts?limit=100", "keys": "/keys?limit=100", "zones": "/zones",
		"who has an address": "/addresses?address=" + v6.String(), "audit": "/audit", "plans": "/plans", "tokens": "/tokens?limit=100",
		"records": "/zones/" + sample.ZoneName + "/records?limit=100", "webhooks": "/webhooks", "a host": "/hosts/" + host,
	} {
		all = append(all, view{"API", name, "/api/v1" + path, "{"})
	}
	slices.SortStableFunc(all, func(x, y view) int { return strings.Compare(x.who, y.who) })
	return all
}

// look asks for a page some times.
func (b *bench) look(ctx context.Context, r *reader, v view, times int) error {
	took := make([]time.Duration, times)
	for i := range took {
		began := time.Now()
		text, err := r.get(ctx, v.path)
		took[i] = time.Since(began)
		if err != nil {
			return err
		}
		if !strings.Contains(text, v.shows) {
			return fmt.Errorf("the answer lacks %q", v.shows)
		}
	}
	slices.Sort(took)
	b.report.add(v.who, v.name+", median", "ms", milliseconds(stats.Percentile(took, 50)))
	b.report.add(v.who, v.name+", p99", "ms", milliseconds(stats.Percentile(took, 99)))
	return nil
}

// A reader is somebody who is signed in, or has a token.
type reader struct {
	client *http.Client
	server string
	token  string
}

// readers signs in an admin, a support agent and a customer, and makes a token.
func (b *bench) readers(ctx context.Context, s *peer.Stayput) (map[string]*reader, error) {
	const password = "measured-not-guessed"
	all := map[string]*reader{}
	for who, name := range map[string]string{"admin": "root", "support": "desk", "customer": "c0000001"} {
		if err := s.MaySignIn(ctx, name, who, password); err != nil {
			return nil, err
		}
		jar, err := cookiejar.New(nil)
		if err != nil {
			return nil, err
		}
		r := &reader{client: &http.Client{Jar: jar}, server: "http://" + s.HTTP.String()}
		reply, err := r.client.PostForm(r.server+"/signin", url.Values{"name": {name}, "password": {password}})
		if err != nil {
			return nil, fmt.Errorf("signing in: %w", err)
		}
		reply.Body.Close()
		if reply.StatusCode != http.StatusOK || reply.Request.URL.Path == "/signin" {
			return nil, fmt.Errorf("signing in as %s: %s", name, reply.Status)
		}
		all[who] = r
	}
	token, err := s.StaffToken(ctx, "root")
	if err != nil {
		return nil, err
	}
	all["API"] = &reader{client: &http.Client{}, server: "http://" + s.HTTP.String(), token: token}
	return all, nil
}

// get returns what stands at a path.
func (r *reader) get(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.server+path, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept", "text/html, application/json")
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	reply, err := r.client.Do(req)
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil && (reply.StatusCode != http.StatusOK || reply.Request.URL.Path == "/signin") {
		err = fmt.Errorf("%s: %.200s", reply.Status, text)
	}
	return string(text), err
}

// await asks until the answer is right: what was seeded is written down for searches
// after it is served.
func (r *reader) await(ctx context.Context, v view, patience time.Duration) error {
	for began := time.Now(); ; {
		text, err := r.get(ctx, v.path)
		if err == nil && strings.Contains(text, v.shows) {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("the answer lacks %q", v.shows)
		}
		if time.Since(began) > patience {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
