package rtsp

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func TestPacketsOfAPayloadTypeThatWasNotAnnouncedAreCounted(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	k := recording(t, "127.0.0.1", addr, "live/x")
	for i := range 3 {
		p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 99, SequenceNumber: uint16(i), SSRC: 1}, Payload: []byte{0x65, 1}}
		b, err := p.Marshal()
		require.NoError(t, err)
		require.NoError(t, k.write(string([]byte{'$', 0, 0, byte(len(b))})+string(b)))
	}
	eventually(t, "they are counted", func() bool { return r.losses("live/x")[media.DropWrongPayloadType] == 3 })
	require.Len(t, r.losses("live/x"), 1)
}
