// Command livebench measures the cost of live recording. Its subcommands are a load generator (load), a server that
// decodes and discards as the yardstick (bare), and the comparison of servers that run as separate processes
// (compare).
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

var commands = map[string]func(ctx context.Context, args []string) error{
	"load":    runLoad,
	"bare":    runBare,
	"compare": runCompare,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var run func(context.Context, []string) error
	if len(os.Args) > 1 {
		run = commands[os.Args[1]]
	}
	if run == nil {
		fmt.Fprintln(os.Stderr, "usage: livebench load|bare|compare [flags]; -h after each shows its flags")
		os.Exit(2)
	}
	if err := run(ctx, os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "livebench:", err)
		os.Exit(1)
	}
}
