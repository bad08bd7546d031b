package cli

import "github.com/spf13/cobra"

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Long:    "Print the version of this program. `stayput status` tells that of the running daemon.",
		Example: `  stayput version`,
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version string `json:"version"`
			}{a.version}
			return a.done(v, "stayput %s", a.version)
		},
	}
}
