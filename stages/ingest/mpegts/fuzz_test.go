package mpegts

import (
	"context"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// outcome returns what a Demuxer makes of a stream in pieces: the losses, and the numbers of units.
func outcome(t *testing.T, stream []byte, piece int) (losses map[string]uint64, units []uint64) {
	log := slog.New(slog.DiscardHandler)
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	h := hub.New(media.NewPool(1<<20), tasks, hub.Config{Log: log})
	d := NewDemuxer(Options{Log: log, Publish: func() (*hub.Publisher, error) { return h.Publish(path, hub.PublishOptions{Origin: "test"}) }})
	at := time.Unix(1700000000, 0)
	losses = map[string]uint64{}
	for len(stream) > 0 && d.err == nil {
		n := min(piece, len(stream))
		_ = d.Data(stream[:n], at)
		stream = stream[n:]
	}
	d.packets.flush(d.take)
	if info, is := h.Info(path); is {
		for _, l := range info.Losses {
			losses[l.Cause] = l.Count
		}
	}
	maps.Copy(losses, d.losses)
	for _, e := range d.streams {
		units = append(units, e.units)
	}
	d.Close(endcause.SourceLost)
	h.Close()
	require.NoError(t, tasks.Stop(context.Background()))
	return losses, units
}

// FuzzDemuxer requires that a stream is read in the same way in whatever pieces it comes.
func FuzzDemuxer(f *testing.F) {
	for _, name := range []string{"h264_aac", "h265_opus", "mpeg4_mp3", "latm", "ac3_eac3"} {
		f.Add(read(f, "testdata", name+".ts"), uint16(1))
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece uint16) {
		if len(stream) > 1<<16 {
			return
		}
		losses, units := outcome(t, stream, len(stream)+1)
		inPieces, unitsInPieces := outcome(t, stream, 1+int(piece)%2000)
		require.Equal(t, losses, inPieces)
		require.Equal(t, units, unitsInPieces)
	})
}

// FuzzTables reads sections in packets of any size, and what is in them.
func FuzzTables(f *testing.F) {
	f.Add([]byte{0, 0x00, 0xb0, 0x0d, 0x00, 0x01, 0xc1, 0x00, 0x00, 0x00, 0x01, 0xf0, 0x00, 0x2a, 0xb1, 0x04, 0xb2}, byte(3))
	f.Add([]byte{0, 0x02, 0xb0, 0x17, 0, 1, 0xc1, 0, 0, 0xe1, 0, 0xf0, 0, 0x1b, 0xe1, 0, 0xf0, 0, 0x06, 0xe1, 1, 0xf0, 6, 5, 4, 'O', 'p', 'u', 's'}, byte(9))
	f.Fuzz(func(t *testing.T, b []byte, size byte) {
		var s sections
		n := 0
		for begins := true; len(b) > 0; begins = false {
			k := min(int(size)+1, len(b), 184)
			s.write(&packet{begins: begins, payload: b[:k]}, func(section []byte) {
				n++
				if read, ok := readSection(section); ok {
					var a association
					a.take(&read)
					require.LessOrEqual(t, len(a.programs()), maxPrograms)
				}
			})
			require.LessOrEqual(t, len(s.buf), maxSectionBytes)
			b = b[k:]
		}
	})
}

// FuzzMap reads the data of a PMT.
func FuzzMap(f *testing.F) {
	f.Add([]byte{0xe1, 0, 0xf0, 0, 0x1b, 0xe1, 0, 0xf0, 0})
	f.Add([]byte{0xe1, 0, 0xf0, 0, 0x06, 0xe1, 1, 0xf0, 10, 5, 4, 'O', 'p', 'u', 's', 0x7f, 2, 0x80, 6})
	f.Add([]byte{0xe1, 0, 0xf0, 0, 0x15, 0xe1, 1, 0xf0, 11, 0x26, 9, 1, 0, 0xff, 'K', 'L', 'V', 'A', 0, 0xf})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, _ := readMap(&tableSection{data: b})
		require.LessOrEqual(t, len(m.forms)+len(m.leftOut), maxComponents)
	})
}

// FuzzPES requires that a header that comes in parts is read as when it comes whole.
func FuzzPES(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10, 0x31, 0, 1, 0, 1, 0x11, 0, 1, 0, 1, 0, 0, 1, 9})
	f.Add([]byte{0, 0, 1, 0xbd, 0, 9, 0x84, 0x80, 5, 0x21, 0, 1, 0, 1, 0x7f, 0xe0, 1, 7})
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, state := readPES(b)
		for n := range b {
			h, s := readPES(b[:n])
			if s != pesUnknown {
				require.Equal(t, state, s)
				if s == pesWhole {
					require.Equal(t, whole, h)
				}
				return
			}
		}
	})
}
