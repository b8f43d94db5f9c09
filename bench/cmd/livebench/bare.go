package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"

	"github.com/gospool/spool/bench/bareserver"
)

// runBare is the subcommand bare: it runs a bareserver until a signal, and prints its totals as JSON.
func runBare(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("bare", flag.ExitOnError)
	listen := f.String("listen", "127.0.0.1:8554", "address")
	_ = f.Parse(args)
	s, err := bareserver.Start(*listen)
	if err != nil {
		return err
	}
	<-ctx.Done()
	s.Close()
	return json.NewEncoder(os.Stdout).Encode(s.Stats())
}
