package daemon

import (
	"io"
	"log/slog"
	"os"

	"stayput.dev/internal/config"
)

// newLogger returns the logger that the configuration asks for. Under systemd,
// whose journal notes the time itself, lines have none.
func newLogger(cfg config.Log, level *slog.LevelVar, to *os.File) *slog.Logger {
	level.Set(cfg.Level)
	var out io.Writer = os.Stderr
	if to != nil {
		out = to
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(out, opts))
	}
	if os.Getenv("JOURNAL_STREAM") != "" {
		opts.ReplaceAttr = dropTime
	}
	return slog.New(slog.NewTextHandler(out, opts))
}

func dropTime(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}
