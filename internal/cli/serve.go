package cli

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"stayput.dev/internal/config"
	"stayput.dev/internal/daemon"
)

func (a *app) serveCommand() *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use:   "serve [--config FILE] [--data DIRECTORY] [--role ROLE]",
		Short: "Run the daemon",
		Long: `Run the daemon: the DNS server, the update service and the socket that the
other commands speak to. It logs to standard error.

Without --config it reads no file, also where other commands read that of the
package: it keeps its data in ./stayput-data, answers DNS on 127.0.0.1:5300 and
HTTP on 127.0.0.1:8080. Variables such as STAYPUT_DNS_LISTEN win over the file;
` + "`stayput config example`" + ` explains all settings.

With --role dns it only answers questions and gives zones to secondaries; a hot
standby of the PostgreSQL database is enough for it. It takes no updates, does no
job for other nodes, never changes the data, and goes on answering while the
database is away. Of HTTP it answers nothing but /healthz, /readyz and /metrics.

SIGTERM and SIGINT end it when everything in flight is answered, a second one at
once. SIGHUP reads certificates and the configuration again; what changed there
and needs a restart is named in the log. SIGUSR2 does what ` + "`stayput upgrade`" + `
does: the program, as its file is by then, is started anew and takes over every
socket; nothing goes unanswered.

Sockets that systemd opened (see systemd.socket(5)) are used where the
configuration names their addresses, or where their FileDescriptorName is dns,
dns-tls, http, https, legacy-https, gnudip or admin.`,
		Example: `  stayput serve
  stayput serve --config /etc/stayput/stayput.toml
  stayput serve --config /etc/stayput/stayput.toml --role dns
  STAYPUT_DNS_LISTEN=127.0.0.1:53 stayput serve --data /tmp/try`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), role) },
	}
	cmd.Flags().StringVar(&role, "role", "", "`role` of this node: all or dns (default what the configuration says)")
	completeWords(cmd, "role", string(config.RoleAll), string(config.RoleDNS))
	return cmd
}

func (a *app) serve(ctx context.Context, role string) error {
	var more []string
	switch config.NodeRole(role) {
	case "":
	case config.RoleAll, config.RoleDNS:
		more = append(more, "STAYPUT_ROLE="+role)
	default:
		return misuse("--role is all or dns, not %q", role)
	}
	read := func() (*config.Config, error) { return a.settings("", more...) }
	cfg, err := read()
	if err != nil {
		daemon.Decline(err)
		return err
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	upgrade := make(chan os.Signal, 1)
	signal.Notify(upgrade, syscall.SIGUSR2)
	defer signal.Stop(upgrade)
	return daemon.Run(ctx, cfg, daemon.Options{
		Version: a.version, Reload: read, Hangup: hangup, Upgrade: upgrade, Program: asCalled(), LogTo: a.logFile(),
	})
}

// asCalled returns the path of this program as it was called, so that what is put
// in its place is found there, and its arguments.
func asCalled() []string {
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		path, _ = os.Executable() // fails where there is no /proc, and then so does the upgrade
	}
	return append([]string{path}, os.Args[1:]...)
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
