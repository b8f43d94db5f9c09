// Command livebench measures the cost of live recording. Its subcommands:
//
//	load      publishes a clip many times over RTSP (package rtspload)
//	bare      serves publishers and discards their media (package bareserver)
//	compare   runs bare, spool and other servers in turn under the same load, and compares their cost (package live)
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
