package cli

import (
	"github.com/spf13/cobra"

	"stayput.dev/internal/config"
)

func (a *app) configCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "config COMMAND",
		Short: "Check the configuration, or print one that explains all",
		Long: `Check the configuration, or print an example that says of every setting what it
is for. Neither needs the daemon.`,
	}, a.configCheckCommand(), a.configExampleCommand())
}

func (a *app) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [--config FILE]",
		Short: "Check the configuration file and the environment",
		Long: `Read the configuration as the daemon would and report everything that is wrong
with it, each fault on a line of its own with its place in the file.`,
		Example: `  stayput config check --config ./stayput.toml`,
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			file := a.config
			if file == "" {
				file = installed()
			}
			cfg, err := a.settings(file)
			if err != nil {
				return err
			}
			if file == "" {
				file = "the defaults"
			}
			checked := struct {
				File string `json:"file"`
				Data string `json:"data"`
			}{file, cfg.Data}
			return a.done(checked, "%s: no faults", file)
		},
	}
}

func (a *app) configExampleCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "example",
		Short:   "Print a configuration file that explains every setting",
		Long:    `Print a configuration file with every setting, its default and what it is for.`,
		Example: `  stayput config example > stayput.toml`,
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(config.Example())
			return err
		},
	}
}
