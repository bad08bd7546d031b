package daemon

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync/atomic"

	"stayput.dev/internal/config"
)

// logs is what the configuration says of the log, which may change.
type logs struct {
	level slog.LevelVar
	json  atomic.Bool
}

func (l *logs) set(c config.Log) {
	l.level.Set(c.Level)
	l.json.Store(c.Format == config.LogJSON)
}

// logger returns a logger to a file; nil is standard error. Under systemd, whose
// journal notes the time itself, lines of text have none.
func (l *logs) logger(to *os.File) *slog.Logger {
	var out io.Writer = os.Stderr
	if to != nil {
		out = to
	}
	text := &slog.HandlerOptions{Level: &l.level}
	if os.Getenv("JOURNAL_STREAM") != "" {
		text.ReplaceAttr = dropTime
	}
	return slog.New(&formats{
		logs: l, text: slog.NewTextHandler(out, text),
		json: slog.NewJSONHandler(out, &slog.HandlerOptions{Level: &l.level}),
	})
}

func dropTime(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}

// formats is a handler for each format, of which logs says the one to use.
type formats struct {
	logs       *logs
	text, json slog.Handler
}

func (f *formats) now() slog.Handler {
	if f.logs.json.Load() {
		return f.json
	}
	return f.text
}

// Enabled implements slog.Handler.
func (f *formats) Enabled(ctx context.Context, level slog.Level) bool {
	return f.now().Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (f *formats) Handle(ctx context.Context, r slog.Record) error { return f.now().Handle(ctx, r) }

// WithAttrs implements slog.Handler.
func (f *formats) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &formats{f.logs, f.text.WithAttrs(attrs), f.json.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (f *formats) WithGroup(name string) slog.Handler {
	return &formats{f.logs, f.text.WithGroup(name), f.json.WithGroup(name)}
}
