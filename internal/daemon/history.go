package daemon

import "path/filepath"

// historyFile is where the history waits for the next process, in the data
// directory.
const historyFile = "history"

// saveHistory writes what devices asked for the next process. It may be lost
// without harm.
func (d *daemon) saveHistory() {
	if !d.kept { // we never served, and there may be one from whoever does
		return
	}
	if err := d.history.Save(filepath.Join(d.cfg.Data, historyFile)); err != nil {
		d.log.Warn("what devices asked was not saved", "error", err)
	}
}

// loadHistory takes up what the process before us saved.
func (d *daemon) loadHistory() {
	if err := d.history.Load(filepath.Join(d.cfg.Data, historyFile)); err != nil {
		d.log.Warn("what devices asked earlier is forgotten", "error", err)
	}
}
