package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/gospool/spool/bench/bareserver"
	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/live"
	"github.com/gospool/spool/bench/rtspload"
)

// ServeBare runs a bareserver until ctx ends, and writes its totals as JSON.
func ServeBare(ctx context.Context, address string, readAhead bool, w io.Writer) error {
	s, err := bareserver.Start(address, readAhead)
	if err != nil {
		return err
	}
	<-ctx.Done()
	s.Close()
	return json.NewEncoder(w).Encode(s.Stats())
}

// Publish runs a load of the clip in a file until ctx ends. It writes live.ReadyLine when all publishers publish, and
// at the end the totals as JSON.
func Publish(ctx context.Context, load *rtspload.Load, file string, fps int, w io.Writer) (err error) {
	if load.Clip, err = clip.Read(file, fps); err != nil {
		return err
	}
	load.Ready = func() { fmt.Fprintln(w, live.ReadyLine) }
	err = load.Run(ctx)
	_ = json.NewEncoder(w).Encode(live.Totals{Stats: load.Stats(), Sent: load.Sent()})
	return err
}
