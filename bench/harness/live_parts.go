package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gospool/spool/bench/bareserver"
	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/live"
	"github.com/gospool/spool/bench/publishload"
	"github.com/gospool/spool/bench/readload"
)

// Bare holds the settings of ServeBare beside the address.
type Bare struct {
	Protocol       string        `enum:"rtsp,rtmp,srt,ts" default:"rtsp" help:"Of the publishers."`
	Streams        int           `default:"1" help:"Number of ports of ts."`
	ReadAhead      bool          `help:"Read from the network as spool serve does, by RTSP."`
	Demux          bool          `help:"Decode the transport streams of srt and ts."`
	Relay          bool          `help:"Pass the packets to readers by RTSP, too, and decode nothing."`
	HTTP           string        `placeholder:"ADDR" help:"Send an endless answer to each client of this address."`
	BytesPerSecond int           `help:"Of each such answer."`
	Segment        time.Duration `help:"Send low-latency HLS instead, of segments as long."`
}

// ServeBare runs a bareserver until ctx ends, and writes its totals as JSON.
func ServeBare(ctx context.Context, address string, o Bare, w io.Writer) error {
	if o.Relay {
		r, err := bareserver.StartRelay(address)
		if err != nil {
			return err
		}
		defer r.Close()
		<-ctx.Done()
		return nil
	}
	s, err := o.start(address)
	if err != nil {
		return err
	}
	if o.HTTP == "" {
		<-ctx.Done()
		s.Close()
		return json.NewEncoder(w).Encode(s.Stats())
	}
	defer s.Close()
	send := bareserver.Send(o.BytesPerSecond)
	if o.Segment > 0 {
		send = bareserver.NewSegments(o.BytesPerSecond, o.Segment)
	}
	out := &http.Server{Addr: o.HTTP, Handler: send, ReadHeaderTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = out.Close() })()
	if err := out.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// start starts the server of the publishers.
func (o *Bare) start(address string) (bareserver.Publishers, error) {
	switch o.Protocol {
	case "rtmp":
		return bareserver.StartRTMP(address)
	case "srt":
		return bareserver.StartSRT(address, srtLatency, o.Demux)
	case "ts":
		return bareserver.StartUDP(address, o.Streams, o.Demux)
	}
	return bareserver.StartRTSP(address, o.ReadAhead)
}

// Publish runs a load of the clip in a file, and readers of it if their N is set, until ctx ends. It writes live.ReadyLine when
// all publishers publish and media has come to all readers, and at the end the totals as JSON.
func Publish(ctx context.Context, load *publishload.Load, readers *readload.Load, file string, fps int, w io.Writer) (err error) {
	if load.Clip, err = clip.Read(file, fps); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	wait := func() error { return nil }
	load.Ready = func() {
		if readers.N > 0 {
			if wait, err = readers.Start(ctx); err != nil {
				cancel(err)
				wait = func() error { return err }
				return
			}
		}
		fmt.Fprintln(w, live.ReadyLine)
	}
	err = errors.Join(load.Run(ctx), wait())
	_ = json.NewEncoder(w).Encode(live.Totals{Stats: load.Stats(), Sent: load.Sent(), Read: readers.Totals()})
	return err
}
