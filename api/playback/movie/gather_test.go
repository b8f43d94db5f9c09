package movie

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// writes keeps what is written to it, and fails at the write number fail, from 1.
type writes struct {
	lengths []int
	all     []byte
	fail    int
}

var errFull = errors.New("full")

func (w *writes) Write(b []byte) (int, error) {
	if w.lengths = append(w.lengths, len(b)); len(w.lengths) == w.fail {
		return 0, errFull
	}
	w.all = append(w.all, b...)
	return len(b), nil
}

func TestPiecesAreGatheredInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	text := make([]byte, 3*gatherBytes)
	for i := range text {
		text[i] = byte(r.Uint32())
	}
	file := bytes.NewReader(text)
	var out writes
	var want []byte
	g := gather{to: &out}
	for range 60 {
		at := r.IntN(len(text))
		piece := text[at : at+r.IntN(len(text)-at)/(1+r.IntN(100))]
		want = append(want, piece...)
		if r.IntN(2) == 0 {
			require.NoError(t, g.write(piece))
		} else {
			require.NoError(t, g.copy(file, place{int64(at), int64(len(piece))}))
		}
	}
	require.NoError(t, g.flush())
	require.True(t, bytes.Equal(want, out.all))
	for _, n := range out.lengths[:len(out.lengths)-1] {
		require.Equal(t, gatherBytes, n)
	}
	require.NoError(t, g.flush(), "nothing waits")
	require.ErrorIs(t, g.copy(file, place{int64(len(text)) - 5, 6}), io.ErrUnexpectedEOF)
}

func TestAWriteThatFailsEndsTheGathering(t *testing.T) {
	file := bytes.NewReader(make([]byte, 3*gatherBytes))
	g := gather{to: &writes{fail: 2}}
	require.ErrorIs(t, g.copy(file, place{0, 3 * gatherBytes}), errFull)
	g = gather{to: &writes{fail: 1}}
	require.ErrorIs(t, g.write(make([]byte, gatherBytes+1)), errFull)
	g = gather{to: &writes{fail: 1}}
	require.NoError(t, g.write(make([]byte, 5)))
	require.ErrorIs(t, g.flush(), errFull)
}
