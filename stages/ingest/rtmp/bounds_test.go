package rtmp

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
	"github.com/gospool/spool/stages/ingest/rtmp/flv"
	"github.com/gospool/spool/stages/ingest/rtmp/wire"
)

// publication returns a publication of path that has no connection.
func (f *fixture) publication() *publication {
	f.t.Helper()
	pub, err := f.hub.Publish(path, hub.PublishOptions{})
	require.NoError(f.t, err)
	p := newPublication(f.log, pipeline.SystemClock)
	p.begin(pub)
	f.t.Cleanup(func() { p.close(errLeft) })
	return p
}

// takes passes a message to the publication.
func (p *publication) takes(kind uint8, body []byte) error {
	return p.message(&wire.Message{Type: kind, Body: body}, p.clock.Now())
}

// What a publisher may send before its first frame is bounded.
func TestTheOpeningIsBounded(t *testing.T) {
	f := newFixture(t)
	p := f.publication()
	for _, body := range [][]byte{nil, {0xaf}, {0x94, 'O', 'p', 'u', 's'}, append([]byte{0xaf, 0}, make([]byte, maxConfigBytes+1)...)} {
		require.NoError(t, p.takes(sound, body))
	}
	require.Empty(t, p.open.held, "nothing of it can be recorded")
	require.EqualValues(t, 2, f.losses(path)[string(media.DropMessageMalformed)])

	for range openingMessages - 1 {
		require.NoError(t, p.takes(pictures, avcConfig(ingesttest.SPS25)))
	}
	require.False(t, p.open.done)
	require.Greater(t, p.open.bytes, openingMessages*heldBytes)
	require.NoError(t, p.takes(pictures, avcConfig(ingesttest.SPS25)))
	require.True(t, p.open.done)
	require.Empty(t, p.open.held)
}

// Frames that no configuration describes do not keep a publication.
func TestFramesWithoutAConfiguration(t *testing.T) {
	f := newFixture(t)
	p := f.publication()
	var err error
	for range openingMessages {
		if err = p.takes(sound, aacFrame(1)); err != nil {
			break
		}
	}
	require.ErrorContains(t, err, "none of the tracks can be recorded: no message describes one; ")
}

func TestTheOpeningEndsWithoutMemory(t *testing.T) {
	const usual = 256 << 20
	ingest.LimitMemory(1)
	t.Cleanup(func() { ingest.LimitMemory(usual) })
	f := newFixture(t)
	p := f.publication()
	frame := append([]byte{0xaf, 1}, make([]byte, 100<<10)...)
	var err error
	for range 30 {
		if err = p.takes(sound, frame); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, errOpening)
	require.LessOrEqual(t, p.feed.HeldBytes(), int64(1<<20), "the refused message is not counted")
}

// A configuration that is too large is left out, and counted, also one that is followed by a lot.
func TestALargeConfiguration(t *testing.T) {
	f := newFixture(t)
	wait := f.record(path)
	e := f.publisher()
	e.configure(0)
	e.cast(0, 3, 3)
	e.send(pictures, 120, append(avcConfig(ingesttest.SPS25), make([]byte, maxConfigBytes)...)...)
	e.send(pictures, 120, avcPicture(3, false, 0)...)
	f.eventually("it is counted", func() bool { return f.losses(path)[string(media.DropMessageMalformed)] == 1 })
	e.leave()
	got := wait()
	require.Len(t, got.units[codec.H264], 4)
	f.logged("cannot be read", errLargeConfig.Error())
}

func TestALargePacketOfALateTrackIsNotKept(t *testing.T) {
	var l lateTracks
	l.put(&flv.Packet{Kind: flv.Frame, Data: make([]byte, maxLateBytes+1)})
	require.Empty(t, l.packets)
	l.put(&flv.Packet{Kind: flv.Frame, Data: make([]byte, maxLateBytes)})
	require.Len(t, l.packets, 1)
}

// The buffer of a large frame is not kept for the next one.
func TestLargeBuffersAreNotKept(t *testing.T) {
	f := newFixture(t)
	p := f.publication()
	unit := append([]byte{0x91, 'a', 'v', '0', '1'}, 0x32, 0x80, 0x80, 0x80, 0x01) // an OBU with a frame of 2 MiB
	for range 2 {
		require.NoError(t, p.takes(pictures, append(unit, make([]byte, 2<<20)...)))
		require.NoError(t, p.takes(sound, append([]byte{0x72}, bytes.Repeat([]byte{0x55}, 1<<20)...)))
	}
	require.True(t, p.open.done)
	require.Len(t, p.tracks, 2)
	for _, track := range p.tracks {
		switch u := track.unpacker.(type) {
		case *obus:
			require.Nil(t, u.buf)
		case *pcm:
			require.Nil(t, u.buf)
		}
	}
}
