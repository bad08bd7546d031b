package daemon

import (
	"stayput.dev/internal/config"
	"stayput.dev/internal/update"
)

// updateRules are what the configuration says of updates.
func updateRules(c config.Updates) update.Rules {
	return update.Rules{
		AcceptNonGlobal: c.Nonglobal == config.NonglobalAccept,
		Limits: update.Limits{
			SourceChanges:  update.Rate{PerSecond: c.ChangesPerSource, Burst: c.ChangesPerSourceBurst},
			KeyChanges:     update.Rate{PerSecond: c.ChangesPerKey, Burst: c.ChangesPerKeyBurst},
			WrongPasswords: update.Rate{PerSecond: c.WrongPasswordsPerSource, Burst: c.WrongPasswordsPerSourceBurst},
		},
	}
}
