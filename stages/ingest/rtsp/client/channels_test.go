package client

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPacketsBeforeRunThatAreDroppedAreCounted sends more than maxEarlyBytes before the answer to PLAY: each packet
// arrives or is counted.
func TestPacketsBeforeRunThatAreDroppedAreCounted(t *testing.T) {
	t.Parallel()
	const packets = 100
	f, payload := newFake(t), strings.Repeat("x", 60<<10)
	f.on["PLAY"] = func(w *wireConn, _ *ask) bool {
		for seq := 1; seq <= packets; seq++ {
			w.write(interleaved(w.channels[0][0], rtpPacket(0, seq)+payload))
		}
		return false
	}
	f.media = func(w *wireConn) { w.packets(packets+1, packets+5); w.goodbye() }
	got := play(t, context.Background(), Options{URL: f.url("/cam")})
	require.ErrorContains(t, got.err, "goodbye")
	kept := maxEarlyBytes / (len(rtpPacket(0, 1)+payload) + earlyOverheadBytes)
	require.Equal(t, append(seqs(1, kept), seqs(packets+1, packets+5)...), got.seqs[0])
	require.EqualValues(t, packets-kept, got.early)
	require.Equal(t, seqs(packets+1, packets+5), got.seqs[1])
}
