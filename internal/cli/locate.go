package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
	"stayput.dev/internal/config"
	"stayput.dev/internal/daemon"
)

// systemConfig is the configuration of the packaged daemon.
const systemConfig = "/etc/stayput/stayput.toml"

// settings returns the configuration that the flags name; file, which may be
// empty for none, when they name no file. More variables win over the environment.
func (a *app) settings(file string, more ...string) (*config.Config, error) {
	if a.config != "" {
		file = a.config
	}
	env := append(os.Environ(), more...)
	if a.data != "" {
		data, err := filepath.Abs(a.data)
		if err != nil {
			return nil, fmt.Errorf("finding the data directory: %w", err)
		}
		env = append(env, "STAYPUT_DATA="+data)
	}
	return config.Load(file, env)
}

// installed returns the path of the packaged daemon's configuration, or "" when
// there is none that may be read.
func installed() string {
	f, err := os.Open(systemConfig)
	if err != nil {
		return ""
	}
	_ = f.Close()
	return systemConfig
}

// socketPath returns where the daemon that the flags mean is spoken to.
func (a *app) socketPath() (string, error) {
	switch {
	case a.socket != "":
		return a.socket, nil
	case a.data != "":
		return daemon.SocketPath(a.data), nil
	}
	cfg, err := a.settings(installed())
	if err != nil {
		return "", err
	}
	return daemon.SocketPath(cfg.Data), nil
}

// dial returns a client of the running daemon. That it answers is known after
// dial: what cannot be reached is an error with a hint.
func (a *app) dial(ctx context.Context) (*api.Client, error) {
	path, err := a.socketPath()
	if err != nil {
		return nil, err
	}
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, a.unreachable(path, err)
	}
	_ = c.Close()
	return api.NewClient(path), nil
}

// asking returns what a command runs that needs the daemon.
func (a *app) asking(run func(ctx context.Context, c *api.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.dial(cmd.Context())
		if err != nil {
			return err
		}
		return run(cmd.Context(), c, args)
	}
}

// unreachable explains why the daemon's socket could not be opened.
func (a *app) unreachable(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &hinted{
			fmt.Errorf("cannot open the daemon's socket %s: permission denied", path),
			"only the daemon's user and root may: try again with sudo",
		}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return &hinted{fmt.Errorf("no daemon answers at %s", path), a.startHint()}
	}
	return fmt.Errorf("cannot open the daemon's socket %s: %w", path, err)
}

func (a *app) startHint() string {
	switch {
	case a.config != "":
		return "start it with `stayput serve --config " + a.config + "`"
	case a.data != "":
		return "start it with `stayput serve --data " + a.data + "`"
	case a.socket != "":
		return "start it, or name another socket"
	case installed() != "":
		return "start it with `systemctl start stayput`, or name another with --config, --data or --socket"
	}
	if _, err := os.Stat(systemConfig); err == nil {
		return "you may not read " + systemConfig + ", which says where the daemon is: try again with sudo"
	}
	return "start it with `stayput serve`, or say where it is with --config, --data or --socket"
}
