//go:build linux

// Command stayput-bench measures one figure: how Stayput compares with other
// servers, or with what the machine allows. See bench/README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"stayput.dev/bench/internal/figure"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case err == nil:
	case errors.Is(err, figure.ErrUsage):
		fmt.Fprintln(os.Stderr, "stayput-bench:", err)
		figure.Usage(os.Stderr)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "stayput-bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if serve := figure.Helper(args); serve != nil {
		return serve(ctx, os.Stdout)
	}
	return figure.Run(ctx, os.Stdout, os.Stderr, args)
}
