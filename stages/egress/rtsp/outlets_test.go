package rtsp

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/egress/rtp"
)

func TestNothingIsSentAfterAPause(t *testing.T) {
	ours, theirs := net.Pipe() // a write would block
	defer func() { _, _ = ours.Close(), theirs.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	out := Interleaved{Context: ctx, Conn: ours, Writing: &sync.Mutex{}}
	require.ErrorIs(t, out.Send(&rtp.Frames{}), context.Canceled)
}
