package rtmp

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/rtmp/wire"
)

// FuzzMessages makes units of any messages. Its input holds messages: two bytes for the type and the step of the time, two
// for the length, and the body.
func FuzzMessages(f *testing.F) {
	message := func(kind byte, body []byte) []byte {
		return append([]byte{kind, 40, byte(len(body) >> 8), byte(len(body))}, body...)
	}
	join := func(parts ...[]byte) (out []byte) {
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	f.Add(join(message(9, avcConfig(sps)), message(8, aacConfig), message(9, avcPicture(0, true, 80)), message(8, aacFrame(0)), message(9, avcPicture(1, false, 0))))
	f.Add(join(message(8, append([]byte{0x2f}, mp3Frame()...)), message(8, []byte{0x72, 1, 2}), message(8, []byte{0x3f, 1, 2, 3, 4}), message(8, []byte{0x91, 'O', 'p', 'u', 's', 0xfc, 1})))
	f.Add(join(message(9, many(0, avcConfig(sps)[5:], avcConfig(sps)[5:])), message(9, many(3, avcPicture(0, true, 0)[5:])), message(22, []byte{8, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9})))
	f.Add(join(message(9, []byte{0x91, 'v', 'p', '0', '9', 0x82, 0x49, 0x83, 0x42, 0, 1}), message(9, []byte{0x90, 'a', 'v', '0', '1', 0x81, 0, 0, 0, 0x0a, 1, 2}), message(8, []byte{0x90, 'f', 'L', 'a', 'C', 1})))
	f.Add(join(message(9, []byte{0x1c, 0, 0, 0, 0, 1}), message(8, []byte{0x91, 'e', 'c', '-', '3', 0x0b, 0x77}), message(8, []byte{0x91, 'a', 'c', '-', '3', 0x0b, 0x77, 1, 2, 3, 4})))
	f.Fuzz(func(t *testing.T, in []byte) {
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		pool := media.NewCheckedPool()
		tasks := pipeline.NewTasks(log, pipeline.SystemClock)
		h := hub.New(pool, tasks, hub.Config{Log: log})
		pub, err := h.Publish(path, hub.PublishOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p := newPublication(log, pipeline.SystemClock)
		p.begin(pub)
		now, at := time.Now(), uint32(0)
		for len(in) >= 4 {
			n := min(int(in[2])<<8|int(in[3]), len(in)-4)
			now, at = now.Add(time.Duration(in[1])*time.Millisecond), at+uint32(in[1])
			m := wire.Message{Type: in[0] & 31, TimeMS: at, Body: in[4 : 4+n]}
			if p.message(&m, now) != nil {
				break
			}
			in = in[4+n:]
		}
		p.close(errLeft)
		h.Close()
		if err := tasks.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if pool.Outstanding() != 0 {
			t.Fatal(pool.Leaks())
		}
	})
}
