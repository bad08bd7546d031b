// Stayput is a dynamic DNS service that you run yourself.
package main

import (
	"os"

	"stayput.dev/internal/cli"
)

// version is set when a release is built.
var version = "dev"

func main() {
	os.Exit(cli.Main(version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
