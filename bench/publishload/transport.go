package publishload

import (
	"context"
	"io"
	"time"

	"github.com/gospool/spool/bench/movie"
)

const (
	// datagramBytes is the size of a datagram of seven packets of a transport stream, as encoders send it.
	datagramBytes = 7 * tsPacketBytes
	// leastBurst and mostBursts say how a picture is sent: at once, if it has not more datagrams than the first, else in
	// as many bursts, over four fifths of the time until the next picture.
	leastBurst = 16
	mostBursts = 8
)

// transport sends a transport stream in datagrams. A large picture is sent in bursts: encoders send at a constant
// bitrate, and a receive buffer of UDP holds no more than some hundred datagrams.
type transport struct {
	stream *transportStream
	out    io.Writer // takes a datagram with each call
	count  *counters

	ready     []byte // packets that are not sent yet
	datagrams uint64 // number of datagrams sent
}

func (t *transport) picture(ctx context.Context, n int64) (ok bool, err error) {
	t.ready = t.stream.picture(t.ready, n)
	return t.send(ctx)
}

func (t *transport) sound(ctx context.Context, frames [][]byte, first int64) (ok bool, err error) {
	for i, frame := range frames {
		t.ready = t.stream.frame(t.ready, frame, first+int64(i)*movie.AudioStep)
	}
	return t.send(ctx)
}

// send sends all full datagrams. It keeps the rest for the next call, as encoders do. When ctx ends, it sends what
// remains without a pause.
func (t *transport) send(ctx context.Context) (ok bool, err error) {
	full := len(t.ready) / datagramBytes
	burst := max(leastBurst, (full+mostBursts-1)/mostBursts)
	every := time.Second * 4 / 5 / time.Duration(t.stream.clip.fps*mostBursts)
	for i := range full {
		if i > 0 && i%burst == 0 {
			pause(ctx, every)
		}
		if err := t.datagram(t.ready[i*datagramBytes:][:datagramBytes]); err != nil {
			return false, err
		}
	}
	t.ready = t.ready[:copy(t.ready, t.ready[full*datagramBytes:])]
	return true, nil
}

// rest sends the packets that do not fill a datagram.
func (t *transport) rest() error {
	if len(t.ready) == 0 {
		return nil
	}
	return t.datagram(t.ready)
}

func (t *transport) datagram(b []byte) error {
	if _, err := t.out.Write(b); err != nil {
		return err
	}
	t.datagrams++
	t.count.packets.Add(1)
	t.count.bytes.Add(int64(len(b)))
	return nil
}
