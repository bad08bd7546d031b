package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"stayput.dev/internal/config"
	"stayput.dev/internal/daemon"
)

func (a *app) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve [--config FILE] [--data DIRECTORY]",
		Short: "Run the daemon",
		Long: `Run the daemon: the DNS server, the update service and the socket that the
other commands speak to. It logs to standard error.

Without a configuration file it keeps its data in ./stayput-data, answers DNS on
127.0.0.1:5300 and HTTP on 127.0.0.1:8080. Variables such as STAYPUT_DNS_LISTEN
win over the file; ` + "`stayput config example`" + ` explains all settings.

SIGTERM and SIGINT end it when everything in flight is answered, a second one at
once. SIGHUP reads certificates and the configuration again; what changed there
and needs a restart is named in the log.`,
		Example: `  stayput serve
  stayput serve --config /etc/stayput/stayput.toml
  STAYPUT_DNS_LISTEN=127.0.0.1:53 stayput serve --data /tmp/try`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context()) },
	}
}

func (a *app) serve(ctx context.Context) error {
	read := func() (*config.Config, error) { return a.settings("") }
	cfg, err := read()
	if err != nil {
		return err
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	return daemon.Run(ctx, cfg, daemon.Options{Version: a.version, Reload: read, Hangup: hangup, LogTo: a.logFile()})
}

// logFile returns standard error if it is a file, else nil.
func (a *app) logFile() *os.File {
	f, _ := a.err.(*os.File)
	return f
}

// untilSignal returns a context that ends with the first SIGTERM or SIGINT; the
// second one then ends the process.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
