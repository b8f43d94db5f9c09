package httppull

import (
	"context"
	"errors"
	"io"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/mpegts"
)

// isTransportStream reports whether a response is an MPEG transport stream: by its type, or by its first bytes.
func isTransportStream(r *response) bool {
	if r.kind == "video/mp2t" {
		return true
	}
	head, _ := r.body.Peek(mpegts.SniffBytes) // an error comes again when it is read
	return mpegts.IsStream(head)
}

// readBytes is how much is read at once: a live stream arrives in parts of a few packets.
const readBytes = 16 << 10

// transportStream publishes an MPEG transport stream.
func (p *puller) transportStream(ctx context.Context, r *response, publish func(string) (*hub.Publisher, error)) (err error) {
	origin := r.Request.URL.Scheme + " " + r.Request.URL.Host
	d := mpegts.NewDemuxer(mpegts.Options{Publish: func() (*hub.Publisher, error) { return publish(origin) }, Clock: p.Clock, Log: p.Log})
	defer func() {
		if err == nil {
			d.Close(endcause.EndOfFile)
			return
		}
		d.Disconnect()
	}()
	if r.ContentLength >= 0 {
		player := mpegts.Player{Demuxer: d, Clock: p.Clock, Realtime: true}
		return player.Play(ctx, r.body)
	}
	buf := make([]byte, readBytes)
	for {
		n, err := r.body.Read(buf)
		if err := d.Data(buf[:n], p.Clock.Now()); err != nil {
			return err
		}
		switch {
		case errors.Is(err, io.EOF):
			return errEnded
		case err != nil:
			return err
		}
	}
}

// errEnded is the error of a live stream that ends: it may go on with the next request.
var errEnded = errors.New("the server ends the stream")
