package daemon

import (
	"net/netip"

	"stayput.dev/internal/config"
	"stayput.dev/internal/dyndns"
	"stayput.dev/internal/update"
)

// reload reads certificates and the configuration again, and takes up all that
// may change while the daemon runs.
func (d *daemon) reload() {
	for _, c := range d.certs {
		if err := c.Reload(); err != nil {
			d.log.Error("reloading a certificate failed, the old one stays", "error", err)
		}
	}
	d.warnOfCertificates()
	if d.opts.Reload == nil {
		return
	}
	next, err := d.opts.Reload()
	if err != nil {
		d.log.Error("reloading the configuration failed, the old one stays", "error", err)
		return
	}
	d.takeUp(next)
	if keys := d.cfg.Changes(next); len(keys) > 0 {
		d.log.Warn("settings changed that need a restart", "settings", keys)
	}
	d.log.Info("configuration reloaded")
}

// takeUp makes the rooms heed next.
func (d *daemon) takeUp(next *config.Config) {
	d.live.Store(next)
	d.logs.set(next.Log)
	if err := d.setDNS(next.DNS); err != nil {
		d.log.Error("reloading cookie secrets failed, the old ones stay", "error", err)
	}
	d.front.SetTrustedProxies(next.HTTP.TrustedProxies)
	d.front.SetConnections(next.HTTP.ConnectionsPerSource, next.HTTP.Connections)
	d.devices.SetOptions(deviceOptions(next.Updates))
	d.shadow.SetOptions(deviceOptions(next.Updates))
	d.history.SetBound(next.Updates.History)
	d.updates.SetRules(updateRules(next.Updates))
	d.judge.SetRules(updateRules(next.Updates))
	d.expiry.SetHouse(next.Updates.ExpireAfter)
	d.admin.SetTTL(next.Updates.TTL)
	d.takeUpPeople(next)
	if d.pages != nil {
		d.pages.SetOptions(webOptions(next))
	}
	d.store.SetRetention(next.Store.SnapshotAfter, next.Store.JournalKeep)
}

func deviceOptions(c config.Updates) dyndns.Options {
	return dyndns.Options{AlwaysGood: c.UnchangedReply == config.UnchangedGood}
}

func updateRules(c config.Updates) update.Rules {
	return update.Rules{
		AcceptNonGlobal: c.Nonglobal == config.NonglobalAccept,
		CGNATPools:      c.CGNATPools,
		CGNAT:           cgnat[c.CGNAT],
		IgnoreOptions:   c.DeviceOptions == config.DeviceOptionsIgnore,
		Pushes:          update.PushRules{Wait: c.PushWait, Strict: c.PushStrict},
		Limits: update.Limits{
			SourceChanges:  update.Rate{PerSecond: c.ChangesPerSource, Burst: c.ChangesPerSourceBurst},
			KeyChanges:     update.Rate{PerSecond: c.ChangesPerKey, Burst: c.ChangesPerKeyBurst},
			HostChanges:    update.Rate{PerSecond: c.ChangesPerHost, Burst: c.ChangesPerHostBurst},
			WrongPasswords: update.Rate{PerSecond: c.WrongPasswordsPerSource, Burst: c.WrongPasswordsPerSourceBurst},
			KeyGuesses:     update.Rate{PerSecond: c.WrongPasswordsPerKey, Burst: c.WrongPasswordsPerKeyBurst},
		},
	}
}

var cgnat = map[config.CGNAT]update.CGNAT{
	config.CGNATAsNonglobal: update.CGNATAsNonGlobal,
	config.CGNATIgnore:      update.CGNATIgnore,
	config.CGNATAccept:      update.CGNATAccept,
	config.CGNATFlag:        update.CGNATFlag,
}

// allowMetrics returns who may read the metrics now.
func (d *daemon) allowMetrics() []netip.Prefix { return d.live.Load().HTTP.AllowMetrics }
